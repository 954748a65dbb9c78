"""`memu-like serve` as a process of its own: what it says, whom it answers, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from command_running import command_line, with_environment

from memu_like import ConfigError, MemoryService
from memu_like.faces.server.guard import is_loopback
from memu_like.faces.server.running import GRACE_SECONDS, bound, serve

SECRET, SAID = "a-token-of-ours", "Oscar-the-guinea-pig"
INSERT = {"blob_type": "chat", "blob_data": {"messages": [{"role": "user", "content": f"I have {SAID}."}]}}


class Server:
    """A server at work. What it writes goes to a file, so that no pipe of its is ever full."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log
        while not (found := re.search(r"at (http://\S+);", self.err)):
            assert process.poll() is None, self.err
            time.sleep(0.02)
        self.url = found[1]

    @property
    def err(self) -> str:
        return self._log.read_text()

    def client(self, token: str | None = SECRET) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


@contextmanager
def serving(store: Path, *options: str, token: str | None = SECRET) -> Iterator[Server]:
    command = command_line("serve", "--store", str(store), "--port", "0", *options)
    environment = with_environment({"env": {"MEMU_LIKE_TOKEN": token} if token else {}})
    log = store.parent / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=written, **environment)
    try:
        yield Server(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_it_is_told_to_and_keeps_what_it_took(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path / "store") as server:
        with server.client() as client:
            assert client.post("/users", json={"id": "maya"}).status_code == 200
            assert client.post("/blobs/insert/maya", json=INSERT).json()["errno"] == 0
            assert client.post("/users/buffer/maya/chat").json()["errno"] == 0
        assert server.stop(how) == 0
    async with MemoryService(tmp_path / "store") as memory:
        assert SAID in await memory.user("maya").context()
        assert await memory.user("maya").buffered() == []


def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as server, server.client() as client:
        client.post("/users", json={"id": "maya"})
        answers: list[httpx.Response] = []
        many = {"blob_type": "chat", "blob_data": {"messages": [INSERT["blob_data"]["messages"][0]] * 2000}}  # type: ignore[index]

        def insert() -> None:
            answers.append(client.post("/blobs/insert/maya?wait_process=true", json=many))

        thread = threading.Thread(target=insert)
        thread.start()
        while not (tmp_path / "store" / "maya" / "resources").exists():
            assert thread.is_alive()
        assert server.stop() == 0
        thread.join(30)
        assert [(one.status_code, one.json()["errno"]) for one in answers] == [(200, 0)]


def test_an_open_stream_of_changes_ends_and_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as server, server.client() as client:
        client.post("/users", json={"id": "maya"})
        changes = f"{server.url}/v1/users/maya/changes"
        with client.stream("GET", changes) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 2000"
            begun = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begun < GRACE_SECONDS - 5
            assert any(line.startswith("id: ") for line in lines)


def test_its_log_holds_no_text_no_query_and_no_token(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as server:
        with server.client() as client:
            client.post("/users", json={"id": "maya"})
            client.post("/blobs/insert/maya", json=INSERT)
            client.get("/users/event/search/maya", params={"query": SAID})
            client.get(
                "/users/context/maya", params={"chats_str": f'[{{"role": "user", "content": "{SAID}"}}]'}
            )
            client.get("/users/context/maya", params={"max_token_size": SAID})
            client.post("/users", content=f'{{"id": "{SAID}', headers={"content-type": "application/json"})
            client.get(f"/nothing/{SAID}")
        with server.client("another-token") as client:
            assert client.get("/users/maya").status_code == 401
        server.stop()
    for hidden in (SAID, SECRET, "another-token", "max_token_size", "maya"):
        assert hidden not in server.err.replace(str(tmp_path), ""), server.err
    assert "GET /api/v1/users/context/{user_id} 200" in server.err
    assert "GET /api/v1/users/context/{user_id} 422" in server.err


def test_tokens_of_command_line_variable_and_file_open_what_they_are_for(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("of-maya maya\n")
    options = ("--token", "one", "--token", "two", "--token-file", str(file))
    with serving(tmp_path / "store", *options, token="three,four") as server:
        for token in ("one", "two", "three", "four"):
            with server.client(token) as client:
                assert client.get("/project/users").status_code == 200, token
        with server.client("of-maya") as client:
            assert client.post("/users", json={"id": "maya"}).json()["errno"] == 0
            assert client.get("/users/maya").json()["data"]["id"] == "maya"
            assert client.get("/users/oscar").status_code == 403
            assert client.get("/project/users").status_code == 403
        with server.client("three,four") as client:
            assert client.get("/project/users").status_code == 401
        server.stop()
    for hidden in ("of-maya", "three", "four"):
        assert hidden not in server.err


def test_limits_are_set_on_the_command_line(tmp_path: Path) -> None:
    options = ("--max-body-bytes", "2048", "--requests-per-second", "0.01", "--concurrency", "1")
    with serving(tmp_path / "store", *options) as server:
        with server.client() as client:
            assert client.post("/users", content=b"x" * 2049).status_code == 413
            refused = client.get("/users/maya")
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= 100
        server.stop()


def test_without_a_token_it_answers_this_machine_only_and_says_so(tmp_path: Path) -> None:
    with serving(tmp_path / "store", token=None) as server:
        with server.client(None) as client:
            assert client.get("/project/users").status_code == 200
            assert client.get("/project/users", headers={"Host": "localhost:80"}).status_code == 200
            assert client.get("/project/users", headers={"Host": "[::1]:80"}).status_code == 200
            for name in ("evil.example", "localhost.evil.example", "10.0.0.1", ""):
                refused = client.get("/project/users", headers={"Host": name})
                assert refused.status_code in (400, 403), name
            for origin in ("http://localhost:3000", "http://127.0.0.1:80", "https://[::1]"):
                assert client.post("/users/buffer/maya/chat", headers={"Origin": origin}).status_code == 200
            for origin in ("https://evil.example", "http://localhost.evil.example", "null", "localhost", ""):
                refused = client.post("/users/buffer/maya/chat", headers={"Origin": origin})
                assert refused.status_code == 403, origin
        server.stop()
    assert "no token is set" in server.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", ""])
async def test_without_a_token_it_listens_nowhere_else(tmp_path: Path, host: str) -> None:
    memory = MemoryService(tmp_path / "store")
    with pytest.raises(ConfigError, match="without a token the server listens on this machine only"):
        await serve(memory, None, host, 0, print)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_the_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


def test_a_port_that_is_taken_is_one_line() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}: "),
            bound("127.0.0.1", port),
        ):
            pass


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.0.0.1", -1), ("127.0.0.1", 2**16), ("127.0.0.1", 70_000), ("x" * 300, 0), ("a..b", 0), ("\0", 0)],
)
def test_an_address_that_is_none_is_one_line(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="cannot listen") as error, bound(host, port):
        pass
    assert "\n" not in str(error.value)
