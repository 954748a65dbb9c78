"""The command import-memobase: what it prints, its exit codes, and that the token is told nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_running import Run
from memobase_server import TOKEN, Fault, MemobaseServer, Person, chat, event, memobase_server, profile

LINE = "2 users: 1 profile entry, 1 event, 1 blob imported; there already: 0\n"


@pytest.fixture
def server() -> Iterator[MemobaseServer]:
    with memobase_server() as found:
        found.users["ana"] = Person(
            profiles=[profile("p", "Plays go", "interest", "games")],
            events=[event("e", "Ana told of go.")],
            blobs={"chat": {"b": chat("I play go.")}},
            idle=["b"],
        )
        found.users["ben"] = Person()
        yield found


def test_it_tells_what_it_imported(run: Run, server: MemobaseServer) -> None:
    ran = run("import-memobase", server.url, "--token", TOKEN)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == LINE + "waiting in the buffers, for memu-like flush: 1 blob\n"
    assert "Plays go" in run("profile", "--user", "ana").out
    again = run("import-memobase", server.url, "--token", TOKEN)
    assert again.out == "2 users: 0 profile entries, 0 events, 0 blobs imported; there already: 3\n"


def test_the_token_may_come_from_the_environment(
    run: Run, server: MemobaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMOBASE_API_KEY", TOKEN)
    assert run("import-memobase", server.url).out.startswith(LINE)
    monkeypatch.delenv("MEMOBASE_API_KEY")
    ran = run("import-memobase", server.url)
    assert ran.code == 2
    assert (
        ran.err == "error: give the project's token: --token TOKEN, or MEMOBASE_API_KEY in the environment\n"
    )


def test_a_dry_run_writes_nothing(run: Run, server: MemobaseServer, here: Path) -> None:
    ran = run("import-memobase", server.url, "--token", TOKEN, "--dry-run")
    assert ran.out.startswith("2 users: 1 profile entry, 1 event, 1 blob would be imported;")
    assert list(here.iterdir()) == []


def test_json_is_the_report(run: Run, server: MemobaseServer) -> None:
    server.users["ana"].profiles.append(profile("../up", "Climbs", "a", "b"))
    found = run("import-memobase", server.url, "ana", "--token", TOKEN, "--json").json
    assert found["source"] == f"{server.url}/api/v1"
    counted = {name: found[name] for name in ("users", "profiles", "events", "blobs", "waiting", "known")}
    assert counted == {"users": 1, "profiles": 1, "events": 1, "blobs": 1, "waiting": 1, "known": 0}
    assert found["refused"] == [{"user": "ana", "reason": "a profile: the id '../up' is like a path"}]
    assert run("users").out.split() == ["ana"]


def test_a_user_that_fails_is_an_error_once_the_others_are_in(run: Run, server: MemobaseServer) -> None:
    server.faults["/users/profile/ana"] = [Fault(400)]
    ran = run("import-memobase", server.url, "--token", TOKEN)
    assert ran.code == 10
    assert ran.out.startswith("1 user: 0 profile entries")
    failed, error = ran.err.splitlines()
    assert failed == f"failed: ana: {server.url}/api/v1/users/profile/ana: it answers with status 400"
    assert error.startswith("error: 1 user could not be imported (")
    assert error.endswith("the same command tries them again")
    assert run("import-memobase", server.url, "--token", TOKEN).code == 0


def test_what_cannot_be_read_at_all_is_one_line(run: Run, server: MemobaseServer) -> None:
    ran = run("import-memobase", server.url, "--token", "wrong-one")
    assert (ran.code, ran.out) == (10, "")
    assert ran.err.startswith(f"error: {server.url}/api/v1 refuses the token: give the project's own")
    assert "wrong-one" not in ran.err
    assert run("import-memobase", "nowhere", "--token", TOKEN).code == 3
