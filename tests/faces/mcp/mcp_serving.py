"""A server in a process of its own, over either transport, and what a client reads of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_running import command_line, with_environment
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

TOOLS = [
    *("save_memory", "search_memories", "get_user_profiles"),
    *("add_memory", "retrieve_memory", "get_user_profile"),
    *("read_category", "edit_entry", "history", "forget"),
]


@dataclass(frozen=True)
class Told:
    text: str
    is_error: bool
    json: Any


async def call(client: Client, tool: str, **arguments: Any) -> Told:
    """What a tool answers, as a client shows it to a model."""
    result = await client.call_tool(tool, arguments)
    text = "".join(part.text for part in result.content if part.type == "text")
    return Told(text, bool(result.is_error), result.structured_content)


def stdio(store: Path, *arguments: str) -> StdioServerParameters:
    command, *rest = command_line("mcp", "--store", str(store), *arguments)
    return StdioServerParameters(command=command, args=rest, env=with_environment({})["env"])


@dataclass
class Running:
    url: str
    process: subprocess.Popen[str]

    def stop(self) -> tuple[int, str, str]:
        """End it as a supervisor does; returns the exit code and what it printed since it began."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@asynccontextmanager
async def client_with(url: str, token: str, **options: Any) -> AsyncIterator[Client]:
    """The SDK's client, which sends a bearer token."""
    async with (
        create_mcp_http_client(headers={"authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(url, http_client=http), **options) as client,
    ):
        yield client


@contextmanager
def over_http(store: Path, *arguments: str) -> Iterator[Running]:
    line = command_line("mcp", "--http", "--port", "0", "--store", str(store), *arguments)
    pipe = subprocess.PIPE
    process = subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, **with_environment({}))
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://\S+/mcp(?=;)", said)
        assert found, said + process.stderr.read()
        yield Running(found[0], process)
    finally:
        process.kill()
        process.communicate()
