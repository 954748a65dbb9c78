"""A Memobase project read through its API into a store: whole, again, with faults, killed in the middle."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from memobase import ChatBlob, MemoBaseClient
from memobase.core.blob import DocBlob
from memobase_server import (
    TOKEN,
    Fault,
    MemobaseServer,
    Person,
    chat,
    document,
    event,
    memobase_server,
    profile,
)
from serving import TOKEN as OURS
from serving import served

from memu_like import (
    ImportProblem,
    ImportReport,
    InvalidInput,
    MemoryService,
    ProfileQuery,
    RemoteError,
    RemoteUnavailable,
    ScriptedModel,
)
from memu_like.edges import pending

ROOT = Path(__file__).parent.parent.parent
SPACE = UUID("3fa85f64-5717-4562-b3fc-2c963f66afa7")
KILLS = 3


def uid(name: object) -> str:
    return str(uuid5(SPACE, str(name)))


ANA, BEN = uid("ana"), uid("ben")


@pytest.fixture
def server() -> Iterator[MemobaseServer]:
    with memobase_server() as found:
        found.users[ANA] = Person(
            data={"plan": "free"},
            profiles=[
                profile(uid("p1"), "Plays the cello & 100% chess", "interest", "games"),
                profile(uid("p2"), "Lives in Porto", "Basic Info", "City"),
            ],
            events=[
                event(
                    uid("e1"),
                    "- Ana adopted a guinea pig named Oscar\n- Ana moved to Porto",
                    [("Lives in Porto", "Basic Info", "City"), ("Has a guinea pig", "life", "pets")],
                    {"mood": "glad"},
                ),
                event(
                    uid("e2"), None, [("Works as a nurse", "work", "title")], created_at="2024-04-01T08:00Z"
                ),
            ],
            blobs={
                "chat": {
                    uid("b1"): chat("I moved to Porto.", "I keep bees."),
                    uid("b2"): chat("I like tea."),
                },
                "doc": {uid("b3"): document("# Notes\n\nAna sings in a choir.")},
            },
            idle=[uid("b2")],
        )
        found.users[BEN] = Person(profiles=[profile(uid("q1"), "Rows", "interest", "sport")])
        yield found


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[MemoryService]:
    async with MemoryService(tmp_path / "store") as found:
        yield found


async def bring(memory: MemoryService, server: MemobaseServer, **how: Any) -> ImportReport:
    return await memory.import_memobase(server.url, TOKEN, retry_seconds=0.01, **how)


def files_of(folder: Path) -> dict[str, bytes]:
    """All that is not derived."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".memu" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def figures(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.users, report.profiles, report.events, report.blobs, report.known


# -- whole


async def test_a_profile_keeps_its_words_its_names_and_its_times(
    memory: MemoryService, server: MemobaseServer
) -> None:
    await bring(memory, server)
    slots = {one.sub_topic: one for one in await memory.user(ANA).profile_slots()}
    assert sorted(slots) == ["City", "games"]
    assert (slots["games"].topic, slots["games"].content) == ("interest", "Plays the cello & 100% chess")
    assert (slots["City"].topic, slots["City"].content) == ("Basic Info", "Lives in Porto")
    assert slots["City"].created_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert slots["City"].updated_at == datetime(2024, 5, 2, 11, tzinfo=UTC)
    assert "- Lives in Porto ^" in (await memory.user(ANA).category("basic_info")).text


async def test_what_is_edited_here_keeps_when_it_was_made_there(
    memory: MemoryService, server: MemobaseServer
) -> None:
    await bring(memory, server)
    user = memory.user(ANA)
    slot = next(one for one in await user.profile_slots() if one.sub_topic == "City")
    await user.update_profile(slot.id, "Lives in Faro", "Basic Info", "City")
    new = next(one for one in await user.profile_slots() if one.sub_topic == "City")
    assert (new.content, new.created_at) == ("Lives in Faro", datetime(2024, 3, 1, 10, tzinfo=UTC))
    assert new.updated_at > datetime(2026, 1, 1, tzinfo=UTC)


async def test_events_keep_summary_tags_changes_and_times(
    memory: MemoryService, server: MemobaseServer
) -> None:
    await bring(memory, server)
    newest, first = await memory.user(ANA).event_records(topk=10)
    assert newest.created_at == datetime(2024, 4, 1, 8, tzinfo=UTC)
    assert first.time == first.created_at == first.updated_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert first.tip == "- Ana adopted a guinea pig named Oscar\n- Ana moved to Porto"
    assert first.tags == ("mood=glad",)
    told = [(one.topic, one.slot, one.text) for one in first.profile_delta]
    assert ("basic_info", "City", "Lives in Porto") in told
    assert ("life", "pets", "Has a guinea pig") in told
    assert "Ana adopted a guinea pig named Oscar" in [one.content for one in first.gists]
    assert [one.text for one in newest.profile_delta] == ["Works as a nurse"]


async def test_events_are_found_by_words_and_by_tag_and_stay_out_of_the_profile(
    memory: MemoryService, server: MemobaseServer
) -> None:
    await bring(memory, server)
    user = memory.user(ANA)
    found = await user.search_gists("guinea pig Oscar", time_range_in_days=None)
    assert found[0].content == "Ana adopted a guinea pig named Oscar"
    assert len(await user.events_by_tags(["mood"])) == 1
    assert "guinea" not in str(await user.profile())


async def test_what_an_event_and_the_profile_say_alike_is_one_statement(
    memory: MemoryService, server: MemobaseServer
) -> None:
    await bring(memory, server)
    texts = [one.text for one in await memory.user(ANA).items()]
    assert texts.count("Lives in Porto") == 1


async def test_blobs_are_kept_and_not_read_again_and_what_waited_waits(
    memory: MemoryService, server: MemobaseServer
) -> None:
    report = await bring(memory, server)
    assert (report.blobs, report.waiting) == (3, 1)
    user = memory.user(ANA)
    kept = await user.blob(uid("b1"))
    assert kept.data == chat("I moved to Porto.", "I keep bees.")["blob_data"]
    assert (kept.fields, kept.created_at) == ({"app": "test"}, datetime(2024, 3, 1, 9, tzinfo=UTC))
    assert (await user.blob(uid("b3"))).data == {"content": "# Notes\n\nAna sings in a choir."}
    assert (await user.buffered("chat", "done"), await user.buffered("chat")) == ([uid("b1")], [uid("b2")])
    assert (await user.retrieve("Who sings in a choir?")).hits[0].tier == "resource"
    before = {one.text for one in await user.items()}
    await user.flush(retry=True)
    assert {one.text for one in await user.items()} - before == {"I like tea."}
    assert await user.buffered("chat") == []


async def test_what_is_kept_does_not_wait_for_a_model(server: MemobaseServer, tmp_path: Path) -> None:
    model = ScriptedModel(lambda request: pytest.fail("nothing is to be read"))
    server.users[ANA].idle = []
    async with MemoryService(tmp_path / "store", model=model) as memory:
        await bring(memory, server)
        assert (await memory.user(ANA).flush(retry=True)).runs == ()


async def test_the_folder_is_sound_and_says_the_same_with_nothing_derived(
    memory: MemoryService, server: MemobaseServer, tmp_path: Path
) -> None:
    await bring(memory, server)
    user = memory.user(ANA)
    assert [one.path for one in await user.doctor()] == ["buffer.jsonl"]
    before = files_of(memory.store), await user.profile_slots(), await user.event_records()
    await user.reindex()
    assert (files_of(memory.store), await user.profile_slots(), await user.event_records()) == before
    assert (await user.record()).data == {"plan": "free"}
    imports = [one.reason for one in await user.history() if one.kind == "import"]
    assert "the profile, imported from Memobase" in imports


async def test_a_run_of_the_import_can_be_reverted(memory: MemoryService, server: MemobaseServer) -> None:
    await bring(memory, server)
    user = memory.user(ANA)
    run = next(one.run for one in await user.history() if one.reason.startswith("the profile"))
    await user.revert(run)
    assert await user.profile_slots() == []
    assert [one for one in await user.doctor() if one.level == "error"] == []


async def test_progress_is_told_and_users_can_be_named(memory: MemoryService, server: MemobaseServer) -> None:
    told: list[tuple[str, int, int]] = []
    report = await bring(memory, server, progress=lambda *what: told.append(what), users=[BEN])
    assert (report.users, await memory.users(), told) == (1, [BEN], [("importing users", 1, 1)])
    told.clear()
    await bring(memory, server, progress=lambda *what: told.append(what))
    assert told == [("importing users", 1, 2), ("importing users", 2, 2)]


async def test_a_dry_run_counts_the_same_and_leaves_nothing(
    memory: MemoryService, server: MemobaseServer, tmp_path: Path
) -> None:
    dry = await bring(memory, server, dry_run=True)
    assert list(tmp_path.iterdir()) == []
    report = await bring(memory, server)
    assert dry.dry_run
    assert figures(dry) == figures(report) == (2, 3, 2, 3, 0)
    again = await bring(memory, server, dry_run=True)
    assert figures(again) == (2, 0, 0, 0, 8)


# -- from our own server, by the client that filled it


async def test_a_project_of_our_own_server_comes_over(memory: MemoryService, tmp_path: Path) -> None:
    with served(tmp_path / "other", background=False) as address:
        client = MemoBaseClient(project_url=address, api_key=OURS)
        with client.client:
            user = client.get_user(client.add_user({"plan": "free"}))
            told = {"role": "user", "content": "I adopted a guinea pig named Oscar.", "alias": "Mara"}
            user.insert(ChatBlob(messages=[told]))
            doc = user.insert(DocBlob(content="Mara keeps bees."))
            user.flush(sync=True)
            user.add_profile("Plays chess", "interest", "games")
            waiting = user.insert(ChatBlob(messages=[{"role": "user", "content": "I bought a kayak."}]))
            first = user.event(topk=50)
            user.update_event(str(first[0].id), {"event_tags": [{"tag": "mood", "value": "glad"}]})
            profiles, events = user.profile(), user.event(topk=50)
        report = await memory.import_memobase(address, OURS)
        mine = memory.user(user.user_id)
        slots = await mine.profile_slots(ProfileQuery(max_token_size=None))
        assert [(one.topic, one.sub_topic, one.content, one.created_at) for one in slots] == [
            (one.topic, one.sub_topic, one.content, one.created_at) for one in profiles
        ]
        records = await mine.event_records(topk=50)
        assert [(one.tip, one.created_at) for one in records] == [
            (one.event_data.event_tip, one.created_at) for one in events
        ]
        assert "mood=glad" in [tag for one in records for tag in one.tags]
        assert (await mine.blob(doc)).data == {"content": "Mara keeps bees."}
        assert await mine.buffered("chat") == [waiting]
        assert report.refusals == 0
        assert figures(await memory.import_memobase(address, OURS))[1:4] == (0, 0, 0)


# -- again


async def test_done_again_it_writes_nothing(memory: MemoryService, server: MemobaseServer) -> None:
    first = await bring(memory, server)
    before = files_of(memory.store)
    again = await bring(memory, server)
    assert (first.known, figures(again)) == (0, (2, 0, 0, 0, 8))
    assert files_of(memory.store) == before


async def test_done_again_it_takes_what_is_new(memory: MemoryService, server: MemobaseServer) -> None:
    await bring(memory, server)
    server.users[BEN].profiles.append(profile(uid("q2"), "Bakes bread", "interest", "Sport"))
    server.users[BEN].blobs["chat"] = {uid("b9"): chat("I row.")}
    assert figures(await bring(memory, server)) == (2, 1, 0, 1, 8)
    found = await memory.user(BEN).profile_slots()
    assert [one.sub_topic for one in found] == ["sport"]
    assert sorted(found[0].content.split("; ")) == ["Bakes bread", "Rows"]


async def test_what_a_person_did_here_stays(memory: MemoryService, server: MemobaseServer) -> None:
    await bring(memory, server)
    user = memory.user(ANA)
    items = {one.text: one for one in await user.items()}
    await user.update_item(items["Lives in Porto"].id, text="Lives in Faro")
    await user.delete_item(items["Plays the cello & 100% chess"].id)
    await user.delete_event((await user.event_records())[0].event)
    assert figures(await bring(memory, server))[1:4] == (0, 0, 0)
    assert [one.content for one in await user.profile_slots()] == ["Lives in Faro"]
    assert len(await user.event_records()) == 1


async def test_data_that_the_user_has_here_stays(memory: MemoryService, server: MemobaseServer) -> None:
    await memory.create_user(ANA, {"plan": "ours"})
    await memory.create_user(BEN)
    server.users[BEN].data = {"plan": "theirs"}
    report = await bring(memory, server)
    assert [(one.user, one.reason) for one in report.notes] == [
        (ANA, "the user has other data here, which stays")
    ]
    assert (await memory.user(ANA).record()).data == {"plan": "ours"}
    assert (await memory.user(BEN).record()).data == {"plan": "theirs"}


# -- faults


async def test_faults_that_pass_cost_nothing(memory: MemoryService, server: MemobaseServer) -> None:
    server.faults = {
        "/project/users": [Fault(503), Fault(429, headers={"Retry-After": "0"})],
        f"/users/profile/{ANA}": [Fault(500), Fault(200, b'{"data": {"profiles": [', cut=True)],
        f"/users/event/{ANA}": [Fault(200, b"<html>"), Fault(200, b'{"errno": 500, "errmsg": "busy"}')],
        f"/blobs/{ANA}/{uid('b1')}": [Fault(502), Fault(504)],
    }
    assert figures(await bring(memory, server)) == (2, 3, 2, 3, 0)
    assert not any(server.faults.values())


async def test_a_user_that_fails_is_told_and_the_others_go_on(
    memory: MemoryService, server: MemobaseServer
) -> None:
    server.faults[f"/users/event/{ANA}"] = [Fault(500)] * 5
    report = await bring(memory, server)
    assert [one.user for one in report.failed] == [ANA]
    assert "status 500, 5 times" in report.failed[0].reason
    assert (report.users, await memory.users()) == (1, [BEN])
    server.asked.clear()
    after = await bring(memory, server)
    assert (after.users, after.done_before, after.failed) == (1, 1, ())
    assert not [path for path in server.asked if BEN in path]
    assert sorted(await memory.users()) == sorted([ANA, BEN])
    assert (await bring(memory, server)).done_before == 0  # the next import is a new one


async def test_a_source_that_goes_down_ends_the_import(memory: MemoryService, server: MemobaseServer) -> None:
    for name in "cdefg":
        server.users[uid(name)] = Person()
        server.faults[f"/users/profile/{uid(name)}"] = [Fault(503)] * 5
    with pytest.raises(RemoteUnavailable, match="503"):
        await bring(memory, server)
    assert not [path for path in server.asked if uid("f") in path]
    server.faults.clear()
    assert (await bring(memory, server)).done_before == 2


async def test_a_wrong_token_and_a_wrong_address_are_one_line(
    memory: MemoryService, server: MemobaseServer, tmp_path: Path
) -> None:
    with pytest.raises(RemoteUnavailable, match="refuses the token") as told:
        await memory.import_memobase(server.url, "wrong-token-of-mine")
    assert "wrong-token-of-mine" not in str(told.value)
    with pytest.raises(RemoteError, match="lists no users"):
        await memory.import_memobase(f"{server.url}/elsewhere", TOKEN)
    with pytest.raises(InvalidInput, match="is no address"):
        await memory.import_memobase("file:///etc/passwd", TOKEN)
    report = await memory.import_memobase(server.url, TOKEN, users=[uid("nobody")])
    assert report.failed[0].user == uid("nobody")
    assert list(tmp_path.iterdir()) == []


async def test_records_that_are_none_are_refused_and_the_others_come(
    memory: MemoryService, server: MemobaseServer, tmp_path: Path
) -> None:
    server.users |= {"../../evil": Person(), "a/b": Person(), "..": Person(), "x" * 5000: Person()}
    ana = server.users[ANA]
    ana.profiles += [
        profile("../up", "Climbs", "a", "b"),
        profile(uid(1), 7, "a", "b"),
        profile(uid(2), "Told", ["a"], "b"),
        profile(uid(3), "Told", "a", "b", created_at="yesterday"),
        profile(uid(4), "Half of one: \ud800", "a", "b"),
        profile(uid(5), "y" * 2_000_000, "a", "b"),
        profile(uid(6), "Names a topic", "t" * 500, "b"),
        profile(uid(7), "Rings \x07", "../../evil", "b"),
        profile(uid(8), "Is a path's", "../../evil", "b"),
        "no object",
        None,
    ]
    ana.events += [event(uid("e9"), 7), event(uid("e8"), "x" * 30_000), {"id": uid("e7")}, []]
    ana.blobs["chat"] |= {
        uid("b4"): {"blob_type": "film", "blob_data": {}},
        uid("b5"): chat() | {"blob_data": {"messages": "no list"}},
        uid("b6"): chat("Late") | {"created_at": "0001-01-01T00:00:00"},
    }
    report = await bring(memory, server)
    assert figures(report)[:4] == (2, 4, 2, 3)
    assert report.refusals == len(report.refused) == 4 + 10 + 4 + 3
    assert ImportProblem("", "a user: the id 'a/b' is like a path") in report.refused
    assert all(len(one.reason) < 300 and "\n" not in one.reason for one in report.refused)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert sorted(await memory.users()) == sorted([ANA, BEN])
    assert "evil" in {one.topic for one in await memory.user(ANA).profile_slots()}


async def test_of_two_records_with_one_id_the_first_counts(
    memory: MemoryService, server: MemobaseServer
) -> None:
    ana = server.users[ANA]
    ana.profiles.append(profile(uid("p1"), "Plays nothing", "interest", "games"))
    ana.events.append(event(uid("e1"), "Another day"))
    assert figures(await bring(memory, server)) == (2, 3, 2, 3, 2)
    assert "Plays nothing" not in str(await memory.user(ANA).items())
    assert [one for one in await memory.user(ANA).doctor() if one.level == "error"] == []


async def test_a_long_list_of_blobs_comes_whole(memory: MemoryService, server: MemobaseServer) -> None:
    pages = {uid(f"d{n}"): document(f"Page {n}.") for n in range(230)}
    server.users = {BEN: Person(blobs={"doc": pages})}
    told: list[tuple[str, int, int]] = []
    assert (await bring(memory, server, progress=lambda *what: told.append(what))).blobs == 230
    assert sorted(await memory.user(BEN).blobs("doc", 0, 1000)) == sorted(pages)
    assert ("blobs of a user", 200, 230) in told


async def test_what_is_imported_is_committed(server: MemobaseServer, tmp_path: Path) -> None:
    async with MemoryService(tmp_path / "store", git="on") as memory:
        await memory.init(git=True)
        await bring(memory, server)
        assert await memory.committed() == ()
        assert await memory.user(ANA).diff() == ()
        assert {one.commit is not None for one in await memory.user(ANA).history()} == {True}


@pytest.mark.parametrize(
    "data", [b"[]", b"null", b'{"errno": 0}', b'{"errno": "0", "data": {}}', b'{"errno": 0, "data": [1]}']
)
async def test_an_answer_of_another_shape_fails_the_user(
    memory: MemoryService, server: MemobaseServer, data: bytes
) -> None:
    server.faults[f"/users/profile/{ANA}"] = [Fault(200, data)]
    report = await bring(memory, server)
    assert [one.user for one in report.failed] == [ANA]
    assert report.users == 1


async def test_more_events_than_one_answer_tells_are_asked_for(
    memory: MemoryService, server: MemobaseServer
) -> None:
    days = [
        event(uid(f"n{n}"), f"Day {n}", created_at=f"2024-01-01T00:{n // 60:02}:{n % 60:02}Z")
        for n in range(1010)
    ]
    server.users = {BEN: Person(events=days)}
    assert (await bring(memory, server)).events == 1010
    server.users = {ANA: Person(events=days)}
    server.most_events = 1000
    report = await bring(memory, server)
    assert report.events == 1000
    assert "only the last 1000 events" in report.notes[0].reason
    assert (await memory.user(ANA).event_records(topk=1))[0].tip == "Day 1009"


async def test_a_long_entry_comes_in_parts_and_none_of_it_is_lost(
    memory: MemoryService, server: MemobaseServer
) -> None:
    long = " ".join(f"word{n}" for n in range(2000))
    server.users = {BEN: Person(profiles=[profile(uid("l"), long, "interest", "words")])}
    assert (await bring(memory, server)).profiles == 1
    items = await memory.user(BEN).items()
    assert len(items) > 3
    assert sorted(" ".join(one.text for one in items).split()) == sorted(long.split())
    assert (await bring(memory, server)).known == 1


# -- killed

IMPORT = """
import asyncio, sys
from memu_like import MemoryService
async def main():
    async with MemoryService(sys.argv[1]) as memory:
        report = await memory.import_memobase(sys.argv[2], sys.argv[3])
        print(report.users, report.done_before, len(report.failed))
asyncio.run(main())
"""


def start(store: Path, server: MemobaseServer) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", IMPORT, str(store), server.url, TOKEN]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def start_and_kill(store: Path, server: MemobaseServer, chooser: random.Random) -> bool:
    """Whether it was still at work."""
    asked = len(server.asked)
    process = start(store, server)
    until = asked + chooser.randrange(3, 60)
    while len(server.asked) < until and process.poll() is None:
        time.sleep(0.001)
    time.sleep(chooser.random() * 0.05)
    at_work = process.poll() is None
    process.kill()
    process.communicate()
    return at_work


def crowd() -> dict[str, Person]:
    """Several users, with enough that a kill comes in the middle of something."""
    return {
        uid(f"user {n}"): Person(
            data={"n": n},
            profiles=[profile(uid(f"{n} p{i}"), f"Knows {n} {i}", "interest", f"slot {i}") for i in range(4)],
            events=[
                event(uid(f"{n} e{i}"), f"- Saw {n} {i}", [(f"Met {n} {i}", "life", "people")])
                for i in range(5)
            ],
            blobs={
                "chat": {uid(f"{n} b{i}"): chat(f"I told {n} {i}.") for i in range(4)},
                "doc": {uid(f"{n} d"): document(f"Page {n}.")},
            },
            idle=[uid(f"{n} b3")],
        )
        for n in range(4)
    }


async def test_what_was_kept_by_a_killed_import_is_not_extracted_and_the_next_one_ends_it(
    memory: MemoryService, server: MemobaseServer
) -> None:
    """As it is left between the resources and the event that tells of them."""
    server.users[ANA].idle = []
    await bring(memory, server)
    whole = await told(memory)
    folder = memory.user(ANA).folder
    [name] = [one for one in folder.event_files() if b"what came in" in folder.read(one)]
    lines = folder.read(name).splitlines(keepends=True)
    left = [line for line in lines if b"what came in" not in line]
    folder.write(name, b"".join(left))
    kept = [one.id for one in await memory.user(ANA).resources()]
    pending.add(folder, kept, datetime(2026, 1, 1, tzinfo=UTC))
    await memory.user(ANA).flush()
    assert len(await memory.user(ANA).items()) == len(whole[ANA][0])
    assert (await memory.user(ANA).stats()).pending == len(kept)
    assert (await bring(memory, server)).blobs == 3
    assert await told(memory) == whole
    assert (await memory.user(ANA).stats()).pending == 0


async def told(memory: MemoryService) -> dict[str, tuple[Any, ...]]:
    """What the users' memories say, without the times and ids of this very import."""
    found: dict[str, tuple[Any, ...]] = {}
    for user_id in await memory.users():
        user = memory.user(user_id)
        slots = await user.profile_slots(ProfileQuery(max_token_size=None))
        blobs = [await user.blob(one) for kind in ("chat", "doc") for one in await user.blobs(kind, 0, 100)]
        found[user_id] = (
            sorted((one.id, one.text, one.topic, one.slot) for one in await user.items()),
            sorted((one.id, one.content, one.created_at) for one in slots),
            [(one.event, one.tip, len(one.gists)) for one in await user.event_records(topk=None)],
            sorted((str(one.id), str(one.data)) for one in blobs),
            sorted(await user.buffered("chat")),
            [one for one in await user.doctor() if one.level == "error"],
            (await user.record()).data,
        )
    return found


async def test_killed_in_the_middle_and_run_again_it_leaves_no_double_and_no_loss(tmp_path: Path) -> None:
    chooser = random.Random(5)
    with memobase_server() as server:
        server.users = crowd()
        server.pause = 0.002
        async with MemoryService(tmp_path / "whole") as memory:
            await memory.import_memobase(server.url, TOKEN)
            whole = await told(memory)
        killed = sum(start_and_kill(tmp_path / "killed", server, chooser) for _ in range(KILLS))
        process = start(tmp_path / "killed", server)
        assert process.communicate()[0].endswith(" 0\n")
        async with MemoryService(tmp_path / "killed") as memory:
            assert await told(memory) == whole
    assert killed
    assert not list((tmp_path / "killed").glob(".memu/imports/*"))
