"""What a load on the server needs: the server as a process of its own, and a client that costs little.

The client speaks just enough HTTP/1.1 for our own server, on one connection that is kept: a library for all
of HTTP takes more of the processor than the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

MAX_LINE = 64 * 1024
START_SECONDS = 60.0
STOP_SECONDS = 120.0
TOKEN = "benchmark-token"


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body[:300]!r}")
        self.status = status


class Client:
    """One connection. A request that fails raises ConnectionError or Refused; the next one connects anew."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    async def get(self, path: str, **query: object) -> Any:
        return await self.request("GET", f"{path}?{urlencode(query)}" if query else path)

    async def post(self, path: str, content: object) -> Any:
        return await self.request("POST", path, json.dumps(content).encode())

    async def request(self, method: str, path: str, body: bytes = b"") -> Any:
        """The JSON of the answer."""
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n"
        if body:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        try:
            reader, writer = await self._connected()
            writer.write(head.encode() + b"\r\n" + body)
            status, answer = await _answer(reader)
        except (OSError, EOFError, ValueError) as error:
            self._close()
            raise ConnectionError(str(error)) from error
        except BaseException:
            self._close()  # half of an answer may still come
            raise
        if status >= 400:
            raise Refused(status, answer)
        return json.loads(answer)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=MAX_LINE)
        return self._streams

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    if found is None:
        raise ValueError("an answer without its length")
    return status, await reader.readexactly(int(found[1]))


def envelope(answer: Any) -> Any:
    """What is in an answer of Memobase's API, whose errors may come with status 200. Raises Refused."""
    if answer["errno"]:
        raise Refused(200, json.dumps(answer).encode())
    return answer["data"]


def user_path(kind: str, user_id: str) -> str:
    return f"/api/v1/{kind}/{quote(user_id, safe='')}"


class Server:
    """`memu-like serve` on a store, in a process of its own; killed and started again on the same port."""

    def __init__(self, store: Path, log: Path) -> None:
        self.store, self._log = store, log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns once it listens."""
        code = "import sys; from memu_like.faces.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "serve", "--store", str(self.store), "--port", str(self.port)]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MEMU_LIKE_")}
        root = str(Path(__file__).parent.parent)
        environment = {**kept, "MEMU_LIKE_TOKEN": TOKEN, "PYTHONPATH": root}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + START_SECONDS
        while not (found := re.search(rb"at http://127\.0\.0\.1:(\d+)", self._log.read_bytes())):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server does not start: {self._log.read_text()}")
            time.sleep(0.01)
        self.port = int(found[1])

    def kill(self) -> None:
        """As `kill -9`."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._ended()

    def stop(self) -> int:
        """As `kill`; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(STOP_SECONDS)
        self._ended()
        return code

    def _ended(self) -> None:
        """Keep what its log says of errors: the next process writes a log of its own."""
        self._process = None
        lines = self._log.read_text(errors="replace").splitlines()
        self.errors += [line for line in lines if " ERROR " in line or " WARNING " in line]

    def rss(self) -> float | None:
        """Its memory in MB; None where the system does not say."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.exists():
            return None
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def open_files(self) -> int | None:
        folder = Path(f"/proc/{self.pid}/fd")
        return len(list(folder.iterdir())) if folder.exists() else None
