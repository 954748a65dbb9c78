"""What Memobase's API is asked, again where that may help, and what of its answers is refused."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from memobase_server import TOKEN, Fault, MemobaseServer, Person, memobase_server, profile

from memu_like.edges.memobase_api import ATTEMPTS, MAX_BYTES, MemobaseApi
from memu_like.errors import InvalidInput, NotFound, RemoteError, RemoteUnavailable

PATH = "/users/profile/ana"


@pytest.fixture
def server() -> Iterator[MemobaseServer]:
    with memobase_server() as found:
        found.users["ana"] = Person(profiles=[profile("p", "Plays go", "interest", "games")])
        yield found


async def ask(server: MemobaseServer, *path: str, token: str = TOKEN) -> object:
    async with MemobaseApi(server.url, token, first_wait=0.001) as api:
        return await api.get(*(path or ("users", "profile", "ana")))


PASSING = [
    Fault(500),
    Fault(502, b"<html>"),
    Fault(503, headers={"Retry-After": "0"}),
    Fault(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    Fault(200, b'{"errno": 0, "data": {"profi', cut=True),
    Fault(200, b'{"errno": 0, "data": {"profi'),
    Fault(200, b"[" * 100_000),
    Fault(200, b'{"errno": 0, "data": NaN}'),
    Fault(200, b'{"errno": 503, "errmsg": "busy"}'),
    Fault(200, b"no gzip", headers={"Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize("fault", PASSING, ids=range(len(PASSING)))
async def test_what_may_pass_is_asked_again(server: MemobaseServer, fault: Fault) -> None:
    server.faults[PATH] = [fault] * (ATTEMPTS - 1)
    assert await ask(server) == {"profiles": server.users["ana"].profiles}
    assert server.asked == [PATH] * ATTEMPTS


async def test_what_does_not_pass_is_told_in_one_line(server: MemobaseServer) -> None:
    server.faults[PATH] = [Fault(500)] * ATTEMPTS
    with pytest.raises(RemoteUnavailable) as told:
        await ask(server)
    assert str(told.value) == f"{server.url}/api/v1: it answers with status 500, 5 times; try later"
    with pytest.raises(RemoteUnavailable, match="ConnectError"):
        async with MemobaseApi("http://127.0.0.1:9", TOKEN, first_wait=0.001) as api:
            await api.get("users")


FINAL = [
    (Fault(401), RemoteUnavailable, "refuses the token: give"),
    (Fault(403), RemoteUnavailable, "refuses the token: give"),
    (Fault(200, b'{"errno": 401, "errmsg": "who\\nare you"}'), RemoteUnavailable, r"token \(who are you\)"),
    (Fault(404), NotFound, "users/profile/ana"),
    (Fault(422), RemoteError, "status 422"),
    (Fault(302, headers={"Location": "http://127.0.0.1:9/"}), RemoteError, "status 302"),
    (Fault(204, b""), RemoteError, "status 204"),
    (Fault(200, b"[]"), RemoteError, "has data, errno and errmsg"),
    (Fault(200, b'{"errno": true}'), RemoteError, "has data, errno and errmsg"),
    (
        Fault(200, b'{"errno": 400, "errmsg": "' + b"x" * 5000 + b'"}'),
        RemoteError,
        "errno 400: x{200}[.]{3}$",
    ),
    (Fault(200, b" " * (MAX_BYTES + 1)), RemoteError, "is over 67108864 bytes"),
    (
        Fault(200, gzip.compress(b" " * (2 * MAX_BYTES)), headers={"Content-Encoding": "gzip"}),
        RemoteError,
        "is over 67108864 bytes",
    ),
]


@pytest.mark.parametrize(("fault", "kind", "words"), FINAL, ids=range(len(FINAL)))
async def test_what_will_not_pass_is_asked_once(
    server: MemobaseServer, fault: Fault, kind: type[Exception], words: str
) -> None:
    server.faults[PATH] = [fault] * 2
    with pytest.raises(kind, match=words) as told:
        await ask(server)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400
    assert TOKEN not in str(told.value)
    assert server.asked == [PATH]


async def test_each_part_of_a_path_is_one_segment(server: MemobaseServer) -> None:
    server.users["a b?c#d%e张"] = Person()
    assert await ask(server, "users", "profile", "a b?c#d%e张") == {"profiles": []}
    with pytest.raises(NotFound):
        await ask(server, "users", "profile", "../ana")
    assert server.asked[-1] == "/users/profile/..%2Fana"


ADDRESSES = {
    "http://memory.example.com": "http://memory.example.com/api/v1",
    "https://memory.example.com:8019/": "https://memory.example.com:8019/api/v1",
    " https://memory.example.com/api/v1/ ": "https://memory.example.com/api/v1",
    "https://example.com/memory": "https://example.com/memory/api/v1",
}


@pytest.mark.parametrize("given", ADDRESSES)
def test_an_address_may_name_the_api_or_not(given: str) -> None:
    assert MemobaseApi(given, TOKEN).url == ADDRESSES[given]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "memory.example.com",
        "ftp://a.example",
        "file:///etc/passwd",
        "http://",
        "http://a:b@c",
        "http://[",
        "http://a?b",
        "http://a:x",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput, match="is no address of a server"):
        MemobaseApi(given, TOKEN)


@pytest.mark.parametrize("given", ["", "a\nb", "gehe\u00efm"])
def test_a_token_that_no_header_can_hold_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput, match="printable characters of ASCII"):
        MemobaseApi("http://localhost", given)
