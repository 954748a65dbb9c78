"""A server that is killed while it is written to, and one that is told to stop: nothing is lost."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from command_running import command_line, with_environment

from memu_like import MemoryService
from memu_like.faces.server.running import bound

TOKEN = "a-token-of-ours"
USERS = ["maya", "jonas"]
SMALL_BUFFER = {"MEMU_LIKE_MAX_CHAT_BLOB_BUFFER_TOKEN_SIZE": "200"}
"""So that runs are made, and killed, all the time."""
MARK = re.compile(r"mark-[0-9a-z-]+")


class Server:
    """A server on a port that it keeps."""

    def __init__(self, store: Path) -> None:
        self.store, self._log = store, store.parent / "log"
        with bound("127.0.0.1", 0) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = command_line("serve", "--store", str(self.store), "--port", str(self.port))
        environment = with_environment({"env": {"MEMU_LIKE_TOKEN": TOKEN, **SMALL_BUFFER}})
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **environment)
        while " at http://" not in self.log:
            assert self._process.poll() is None, self.log
            time.sleep(0.02)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def end(self, how: signal.Signals) -> int:
        self._process.send_signal(how)
        return self._process.wait(60)


@contextmanager
def started(store: Path) -> Iterator[Server]:
    server = Server(store)
    server.start()
    try:
        yield server
    finally:
        server.end(signal.SIGKILL)


class Writer(threading.Thread):
    """Says one thing after the other, in each of three ways, until it is told to stop or the server is gone.

    `sent` are the marks of what it sent: whether it was acknowledged.
    """

    def __init__(self, server: Server, number: int, *, gives_up: bool) -> None:
        super().__init__()
        self.user, self.number = USERS[number % len(USERS)], number
        self.sent: dict[str, bool] = {}
        self.refusals: list[httpx.Response] = []
        self.stop = threading.Event()
        self._url, self._gives_up = server.url, gives_up

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=30) as client:
            count = 0
            while not self.stop.is_set():
                ways = (self._anew, self._as_message, self._as_blob)
                key, at = f"mark-{self.number}-{count}", datetime.now(UTC).isoformat()
                tries = 0
                while not ways[count % 3](client, key, at, tries) and not self.stop.is_set():
                    tries += 1
                count += 1

    def _anew(self, client: httpx.Client, key: str, at: str, tries: int) -> bool:
        """With nothing that tells a second try from another message: it says something else."""
        mark = f"{key}-{tries}"
        return self._send(client, mark, f"/api/v1/blobs/insert/{self.user}", _blob(mark))

    def _as_message(self, client: httpx.Client, key: str, at: str, tries: int) -> bool:
        message = {"role": "user", "content": _said(key), "id": key, "created_at": at}
        return self._send(client, key, f"/v1/users/{self.user}/messages", {"messages": [message]})

    def _as_blob(self, client: httpx.Client, key: str, at: str, tries: int) -> bool:
        return self._send(client, key, f"/api/v1/blobs/insert/{self.user}", {**_blob(key), "id": key})

    def _send(self, client: httpx.Client, mark: str, path: str, body: dict[str, Any]) -> bool:
        self.sent.setdefault(mark, False)
        try:
            answer = client.post(path, json=body)
        except httpx.TransportError:
            if self._gives_up:
                self.stop.set()
            time.sleep(0.02)
            return False
        self.sent[mark] = answer.is_success and not answer.json().get("errno")
        if not self.sent[mark]:
            self.refusals.append(answer)
        return self.sent[mark]


def _said(mark: str) -> str:
    return f"I painted the harbour with my sister, and {mark} is what we called the picture."


def _blob(mark: str) -> dict[str, Any]:
    return {"blob_type": "chat", "blob_data": {"messages": [{"role": "user", "content": _said(mark)}]}}


def begin(server: Server, count: int, *, gives_up: bool = False) -> list[Writer]:
    for user in USERS:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        httpx.post(f"{server.url}/api/v1/users", json={"id": user}, headers=headers).raise_for_status()
    writers = [Writer(server, number, gives_up=gives_up) for number in range(count)]
    for writer in writers:
        writer.start()
    return writers


def wait_for(writers: list[Writer], more: int) -> None:
    """Until so many more messages are acknowledged."""
    wanted = acknowledged(writers) + more
    until = time.monotonic() + 60
    while acknowledged(writers) < wanted:
        assert time.monotonic() < until, [writer.refusals for writer in writers]
        time.sleep(0.005)


def acknowledged(writers: list[Writer]) -> int:
    return sum(sum(list(writer.sent.values())) for writer in writers)


async def check(store: Path, writers: list[Writer]) -> None:
    """Flush, and count what the files hold."""
    assert [writer.refusals for writer in writers] == [[]] * len(writers)
    async with MemoryService(store) as memory:
        for user in USERS:
            await memory.user(user).flush()
            assert [str(finding) for finding in await memory.user(user).doctor()] == []
            stored = marks(store / user)
            sent = {
                mark: known
                for writer in writers
                if writer.user == user
                for mark, known in writer.sent.items()
            }
            assert {mark for mark, known in sent.items() if known} <= stored.keys()
            assert stored.keys() <= sent.keys()
            assert {mark for mark, count in stored.items() if count > 1} == set()


def marks(folder: Path) -> Counter[str]:
    lines = [
        line for path in folder.rglob("resources/**/*.jsonl") for line in path.read_text("utf-8").splitlines()
    ]
    return Counter(mark for line in lines for mark in MARK.findall(json.loads(line)["content"]))


def test_what_was_acknowledged_is_there_once_whenever_the_server_was_killed(tmp_path: Path) -> None:
    with started(tmp_path / "store") as server:
        writers = begin(server, 4)
        try:
            for _ in range(2):
                wait_for(writers, 60)
                server.end(signal.SIGKILL)
                server.start()
            wait_for(writers, 30)
        finally:
            for writer in writers:
                writer.stop.set()
            for writer in writers:
                writer.join(60)
        server.end(signal.SIGKILL)
    asyncio.run(check(tmp_path / "store", writers))


def test_a_server_that_is_told_to_stop_while_it_is_written_to_loses_nothing(tmp_path: Path) -> None:
    with started(tmp_path / "store") as server:
        writers = begin(server, 4, gives_up=True)
        wait_for(writers, 60)
        assert server.end(signal.SIGTERM) == 0, server.log
        for writer in writers:
            writer.join(60)
        assert "Traceback" not in server.log
        assert " ERROR " not in server.log
    asyncio.run(check(tmp_path / "store", writers))
