"""Every command on real input: what it prints, as text and as JSON, and what it leaves on disk."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from command_running import MESSAGES, Run, shell

from memu_like.faces.cli.app import COMMANDS
from memu_like.models import Event, Item, Resource
from memu_like.results import Hit, MemorizeReport, RetrieveResult

GROUPS = {
    "items": ("list", "show", "edit", "add", "delete"),
    "events": ("list", "show", "edit", "delete"),
    "resources": ("list", "show"),
    "prompts": ("list", "show", "copy", "check"),
}
READING = (
    *(["retrieve", "what pets does she have?"], ["context"], ["profile"], ["show"], ["stats"], ["users"]),
    *(["items"], ["items", "list"], ["events"], ["resources"], ["doctor"]),
)


def names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def first_item(run: Run) -> dict[str, object]:
    found = run("items", "--json").json
    assert found
    return next(item for item in found if "Oscar" in item["text"])


# -- shape


@pytest.mark.parametrize(
    "words", [[], *([name] for name in COMMANDS), *([g, n] for g, ns in GROUPS.items() for n in ns)]
)
def test_every_command_explains_itself(run: Run, words: list[str]) -> None:
    done = run(*words, "--help")
    assert done.code == 0
    assert "Usage: memu-like" in done.out
    assert done.err == ""


def test_no_command_prints_the_help(run: Run) -> None:
    done = run()
    assert done.code == 0
    assert done.out.strip() == run("--help").out.strip()


def test_help_lists_the_commands_in_the_order_in_which_one_meets_them(run: Run) -> None:
    text = run("--help").out
    places = [text.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_version(run: Run) -> None:
    import memu_like

    assert run("--version").out == f"memu-like {memu_like.__version__}\n"


def test_completion_knows_the_commands() -> None:
    env = {"_MEMU_LIKE_COMPLETE": "complete_bash", "COMP_WORDS": "memu-like ret", "COMP_CWORD": "1"}
    assert shell(env=env).stdout.split() == ["retrieve"]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_document_and_nothing_else(run: Run, store: Path, words: list[str]) -> None:
    done = run(*words, "--json")
    assert (done.code, done.err) == (0, "")
    done.json  # noqa: B018  # it parses


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_changes_no_file_that_matters(run: Run, store: Path, words: list[str]) -> None:
    def contents() -> dict[str, bytes]:
        found = (path for path in store.rglob("*") if path.is_file() and ".memu" not in path.parts)
        return {str(path): path.read_bytes() for path in found}

    before = contents()
    run(*words)
    assert contents() == before


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_nothing_is_wider_than_eighty_columns_but_what_cannot_be_broken(
    run: Run, store: Path, words: list[str]
) -> None:
    for line in run(*words).out.splitlines():
        assert len(line) <= 80 or words[0] == "context", line


def test_the_common_options_stand_before_or_after_the_command(run: Run, store: Path, here: Path) -> None:
    store.rename(here / "other")
    common = ["--user", "maya", "--store", "other", "--json"]
    expected = run("items", "list", *common).out
    assert json.loads(expected)
    assert run(*common, "items", "list").out == expected
    assert run("items", *common, "list").out == expected
    assert run("items", *common).out == expected
    assert run("-u", "nobody", "items", "-u", "maya", "-s", "other", "--json").out == expected


def test_the_environment_names_store_and_user(
    run: Run, store: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.rename(here / "other")
    monkeypatch.setenv("MEMU_LIKE_STORE", "other")
    monkeypatch.setenv("MEMU_LIKE_USER", "maya")
    run("add", "hello there, I am new", "-u", "ivo")
    assert run("stats", "--json").json["user"] == "maya"
    assert run("stats", "--json", "-u", "ivo").json["user"] == "ivo"
    assert run("-u", "ivo", "stats", "--json").json["user"] == "ivo"


def test_the_only_user_need_not_be_named(run: Run, store: Path) -> None:
    assert run("stats", "--json").json["user"] == "maya"
    run("add", "I like tea with honey.")
    assert run("users").out.split() == ["maya", "me"]
    done = run("stats")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: the store has 2 users; name one with --user: maya, me\n"


# -- taking in


def test_init_makes_a_store(run: Run, here: Path) -> None:
    assert run("init", "--json").json == {"store": str(here / "memory_store")}
    assert (here / "memory_store" / ".gitignore").is_file()


def test_memorize_reports_each_file(run: Run, here: Path) -> None:
    (here / "chat.json").write_text(json.dumps(MESSAGES))
    (here / "notes.md").write_text("# Notes\n\nMy cello lesson is on Tuesdays with Mr Brandt.\n")
    done = run("memorize", "chat.json", "notes.md", "--json")
    assert done.err == ""
    assert [set(report) for report in done.json] == [names(MemorizeReport)] * 2
    assert done.json[0]["user"] == "me"
    assert done.json[0]["messages"] == 4
    assert run("memorize", "chat.json").out.startswith("me: 0 messages, 0 new items")
    assert [one["modality"] for one in run("resources", "--json").json].count("document") == 1


def test_memorize_reads_stdin(run: Run) -> None:
    text = "Ivo: I keep bees behind my house in Porto.\nMaya: How many hives do you have?\n"
    done = run("memorize", "-", "--format", "transcript", "--name", "call.txt", stdin=text)
    assert (done.code, done.err) == (0, "")
    (resource,) = run("resources", "--json").json
    assert (resource["source"], resource["format"]) == ("call.txt", "transcript")


def test_memorize_takes_the_modality(run: Run, here: Path) -> None:
    (here / "talk.txt").write_text("Ivo: I keep bees in Porto.\nMaya: I keep none.\n")
    run("memorize", "talk.txt", "--modality", "document")
    assert run("resources", "--json").json[0]["modality"] == "document"


def test_what_was_added_is_found_at_once_and_memorized_by_flush(run: Run) -> None:
    done = run(
        *("add", "I keep bees behind my house in Porto.", "--name", "Ivo", "--id", "x1"),
        *("--created-at", "2024-02-03T10:00:00Z", "--json"),
    )
    assert done.json == {"user": "me", "added": 1}
    (hit,) = run("retrieve", "who keeps bees?", "--json").json["hits"]
    assert (hit["tier"], hit["speaker"], hit["message_ids"]) == ("buffer", "Ivo", ["x1"])
    assert hit["date"] == "2024-02-03T10:00:00+00:00"
    assert run("flush", "--json").json["messages"] == 1
    assert run("retrieve", "who keeps bees?", "--json").json["hits"][0]["tier"] == "resource"
    assert run("stats", "--json").json["buffered"] == 0


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(MESSAGES),
        json.dumps(MESSAGES, indent=2),
        "".join(json.dumps(message) + "\n" for message in MESSAGES),
        "\ufeff" + json.dumps(MESSAGES),
        "\n\n" + "\r\n".join(json.dumps(message) for message in MESSAGES),
    ],
    ids=["list", "indented", "lines", "byte order mark", "blank lines and CRLF"],
)
def test_add_reads_json_and_jsonl(run: Run, text: str) -> None:
    assert run("add", "--json", stdin=text).json["added"] == 4


def test_add_takes_one_json_object(run: Run) -> None:
    assert run("add", "-", "--json", stdin=json.dumps(MESSAGES[0])).json["added"] == 1


# -- finding


def test_retrieve_has_the_fields_of_the_result(run: Run, store: Path) -> None:
    result = run("retrieve", "what pets does Maya have?", "-k", "2", "--json").json
    assert set(result) == names(RetrieveResult)
    assert len(result["hits"]) == 2
    assert set(result["hits"][0]) == names(Hit)
    assert result["hits"][0]["message_ids"] == ["m1"]
    assert result["hits"][0]["signals"] == {}


def test_retrieve_shows_a_card_a_hit(run: Run, store: Path) -> None:
    text = run("retrieve", "what pets does Maya have?", "-k", "1").out
    head, said, place = text.splitlines()
    assert head.startswith("1. ")
    assert "2023-05-08  Maya" in head
    assert said == "   I adopted a guinea pig named Oscar last Friday."
    assert "resources/2023/05/08-135600" in place
    assert ".jsonl:1" in place


def test_explain_shows_what_each_signal_gave(run: Run, store: Path) -> None:
    words = ["retrieve", "what pets does Maya have?", "--explain"]
    signals = run(*words, "--json").json["hits"][0]["signals"]
    assert len(signals) > 2
    assert "dense 0." in run(*words).out


def test_retrieve_says_when_there_is_nothing_to_look_up(run: Run, store: Path) -> None:
    assert run("retrieve", "thanks!").out == "Small talk: nothing to look up.\n"


def test_context_keeps_to_its_budget(run: Run, store: Path) -> None:
    long = run("context", "--json").json["text"]
    short = run("context", "--max-tokens", "40", "--query", "pets", "--json").json["text"]
    assert "Oscar" in long
    assert len(short) < len(long)
    assert run("context").out == run("context").out


def test_profile_shows_topics_slots_and_entries(run: Run, store: Path) -> None:
    profile = run("profile", "--json").json
    topic = next(name for name, slots in profile.items() if "Oscar" in json.dumps(slots))
    assert "Oscar" in run("profile", "--topic", topic).out
    assert set(run("profile", "--topic", topic, "--json").json) == {topic}
    assert run("profile", "--topic", "no-such").code == 4


def test_show_has_figures_categories_and_a_timeline(run: Run, store: Path) -> None:
    text = run("show").out
    assert text.startswith("maya in")
    for part in ("messages    4", "category", "2023-05", "2023-06"):
        assert part in text
    assert set(run("show", "--json").json) == {"user", "stats", "profile", "events"}


# -- records


def test_items_are_listed_filtered_and_shown(run: Run, store: Path) -> None:
    item = first_item(run)
    assert set(item) == names(Item)
    assert run("items", "show", str(item["id"]), "--json").json == item
    assert "Oscar" in run("items", "show", str(item["id"])).out
    only = run("items", "--text", "oscar", "--json").json
    assert [one["id"] for one in only] == [item["id"]]
    assert run("items", "list", "--since", "2024", "--json").json == []
    assert len(run("items", "list", "--limit", "1", "--json").json) == 1
    assert run("items", "--topic", item["categories"][0], "--slot", item["slot"], "--json").json  # type: ignore[index]


def test_an_item_is_edited_with_history_and_deleted(run: Run, store: Path) -> None:
    item_id = str(first_item(run)["id"])
    new = "Maya has a guinea pig named Oskar."
    edited = run("items", "edit", item_id, "--text", new, "--json").json
    assert (edited["text"], edited["origin"]) == (new, "human")
    history = run("items", "show", item_id, "--history", "--json").json
    assert [one["text"] for one in history][-1] == new
    assert len(history) == 2
    assert new in run("profile").out.replace("\n", " ") or "Oskar" in run("profile").out
    assert run("items", "delete", item_id, "--yes").out.startswith(f"retracted {item_id}")
    assert "Oskar" not in run("profile").out
    assert run("items", "--status", "retracted", "--json").json[0]["id"] == item_id


def test_an_edit_of_a_text_that_changed_meanwhile_is_refused(run: Run, store: Path) -> None:
    item_id = str(first_item(run)["id"])
    done = run("items", "edit", item_id, "--text", "x y z", "--expected", "something else")
    assert (done.code, done.out) == (6, "")
    assert "has changed since" in done.err


def test_an_item_is_written_by_hand(run: Run, store: Path) -> None:
    words = ["items", "add", "Plays the cello.", "--topic", "activities", "--slot", "music", "-u", "maya"]
    item = run(*words, "--json").json
    assert (item["origin"], item["categories"], item["slot"]) == ("human", ["activities"], "music")
    assert "Plays the cello." in (store / "maya/categories/activities.md").read_text("utf-8")


def test_events_are_listed_shown_edited_and_hidden(run: Run, store: Path) -> None:
    events = run("events", "--json").json
    assert len(events) == 2
    assert set(events[0]) == names(Event)
    event_id = events[0]["id"]
    assert run("events", "show", event_id, "--json").json["items"] == events[0]["items"]
    edited = run("events", "edit", event_id, "--title", "The guinea pig", "--tag", "pets", "--json").json
    assert (edited["title"], edited["tags"]) == ("The guinea pig", ["pets"])
    assert "The guinea pig" in run("show").out
    run("events", "delete", event_id, "--yes")
    assert run("events", "show", event_id).code == 4


def test_resources_are_listed_and_shown_with_their_lines(run: Run, store: Path) -> None:
    resources = run("resources", "--json").json
    assert set(resources[0]) == names(Resource)
    resource_id = resources[0]["id"]
    assert run("resources", "show", resource_id, "--json").json == resources[0]
    lines = run("resources", "show", resource_id, "--lines", "1-2", "--json").json["lines"]
    assert [json.loads(line)["content"] for line in lines] == [m["content"] for m in MESSAGES[:2]]
    assert len(run("resources", "show", resource_id, "--lines", "2").out.splitlines()) == 1


# -- care


def test_reindex_finds_the_same_again(run: Run, store: Path) -> None:
    words = ["retrieve", "where does Maya live?", "--json"]
    before = run(*words).json
    assert run("reindex", "--json").json["rows"] == 4
    assert run(*words).json == before


def test_doctor_finds_nothing_in_a_sound_folder(run: Run, store: Path) -> None:
    done = run("doctor")
    assert (done.code, done.out) == (0, "nothing found: the folder is sound\n")
    assert run("doctor", "--fix", "--json").json == []


def test_doctor_exits_with_one_where_a_file_is_broken(run: Run, store: Path) -> None:
    path = next((store / "maya/items").glob("*.jsonl"))
    path.write_bytes(b"{broken\n" + path.read_bytes())
    done = run("doctor")
    assert done.code == 1
    assert path.name in done.out


def test_doctor_sums_up_what_it_finds_everywhere(run: Run, store: Path) -> None:
    for path in store.glob("maya/items/*.jsonl"):
        path.write_bytes(b"{broken\n" * 9 + path.read_bytes())
    lines = run("doctor").out.splitlines()
    found = run("doctor", "--json").json
    assert len(found) >= 9
    assert len(lines) < 2 * len({finding["message"] for finding in found}) * 6 + 2
    assert any("other places: " in line for line in lines)


def test_what_was_exported_is_imported_elsewhere(run: Run, store: Path, here: Path) -> None:
    exported = run("export", "maya.zip", "--json").json
    assert exported["files"] > 5
    done = run("import", "maya.zip", "-u", "maya", "-s", "other", "--json")
    assert done.json == {"user": "maya", "source": "maya.zip", "files": exported["files"]}
    query = ["retrieve", "where does Maya live?", "--json"]
    assert run(*query, "-s", "other").json["hits"][0]["text"] == run(*query).json["hits"][0]["text"]


def test_export_does_not_replace_a_file(run: Run, store: Path, here: Path) -> None:
    (here / "mine.zip").write_text("mine")
    assert run("export", "mine.zip").code == 3
    assert (here / "mine.zip").read_text() == "mine"


def test_forget_an_item_a_resource_and_a_user(run: Run, store: Path) -> None:
    item_id = str(first_item(run)["id"])
    assert run("forget", "--item", item_id, "--yes").out == f"forgotten: item {item_id}\n"
    assert run("items", "--text", "Oscar", "--json").json == []
    resource_id = run("resources", "--json").json[-1]["id"]
    assert run("forget", "--resource", resource_id, "--yes", "--json").code == 0
    assert "Lisbon" not in run("profile").out
    assert run("forget", "--yes").out == "forgotten: user maya\n"
    assert run("users", "--json").json == []
    assert not (store / "maya").exists()


@pytest.mark.parametrize("words", [["forget"], ["items", "delete"], ["events", "delete"]], ids=" ".join)
def test_nothing_is_forgotten_unasked(run: Run, store: Path, words: list[str]) -> None:
    if len(words) > 1:
        words = [*words, run(words[0], "--json").json[0]["id"]]
    before = sorted(store.rglob("*"))
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("there is no terminal to ask at; add --yes\n")
    assert sorted(store.rglob("*")) == before


def test_stats_show_what_models_took(run: Run, store: Path) -> None:
    line = {"at": "2024-05-01T10:00:00Z", "step": "extract", "model": "m", "calls": 1}
    line |= {"prompt_tokens": 5400, "completion_tokens": 800, "seconds": 12.5, "cost": 0.0123}
    (store / "maya" / ".memu" / "usage.jsonl").write_text(json.dumps(line) + "\n" + '{"at": "2024-')
    shown = " ".join(run("stats").out.split())
    assert "usage extract 1 calls, 5,400 + 800 tokens, 12.5 s, cost 0.0123" in shown
    assert run("stats", "--json").json["usage"]["extract"]["prompt_tokens"] == 5400
