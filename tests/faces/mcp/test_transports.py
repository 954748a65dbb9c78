"""Every tool over both transports, by the SDK's client and by another implementation."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from command_running import shell
from mcp import Client
from mcp_serving import TOOLS, call, over_http, stdio

OSCAR = "I adopted a guinea pig named Oscar."
INSPECTOR = "@modelcontextprotocol/inspector@0.15.0"


async def use_each_tool(client: Client) -> set[str]:
    """Call each tool once with what it needs; returns the names of those that answered."""
    answered = set()

    async def told(tool: str, **arguments: Any) -> Any:
        found = await call(client, tool, **arguments)
        assert not found.is_error, found.text
        answered.add(tool)
        return found

    await told("save_memory", text=OSCAR)
    await told("add_memory", user_input="My sister Rosa lives in Lisbon.", agent_response="A fine city.")
    assert OSCAR in (await told("search_memories", query="pets")).text
    assert OSCAR in (await told("retrieve_memory", query="guinea pig")).text
    profile = (await told("get_user_profiles")).text
    line = next(line for line in profile.splitlines() if "Oscar" in line)
    place, _, text = line.removeprefix("- ").partition(": ")
    assert OSCAR in (await told("get_user_profile")).text
    assert OSCAR in (await told("read_category", topic=place.split("/")[0])).text
    entry_id = place.split()[-1]
    await told("edit_entry", entry_id=entry_id, expected=text, text="Has a rabbit named Oscar.")
    assert "rabbit" in (await told("history", what=entry_id)).text
    await told("forget", entry_id=entry_id)
    return answered


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_stdio_carries_every_tool(tmp_path: Path, mode: Literal["auto", "legacy"]) -> None:
    async with Client(stdio(tmp_path / "store", "--user", "maya"), mode=mode) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        assert await use_each_tool(client) == set(TOOLS)
    assert json.loads(shell("users", "--json", "--store", str(tmp_path / "store")).stdout)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_http_carries_every_tool(tmp_path: Path, mode: Literal["auto", "legacy"]) -> None:
    with over_http(tmp_path / "store", "--user", "maya") as running:
        async with Client(running.url, mode=mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
            assert await use_each_tool(client) == set(TOOLS)
        code, out, err = running.stop()
    assert (code, out) == (0, "")
    assert "Oscar" not in err


def test_stdout_carries_json_rpc_only(tmp_path: Path) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "a", "version": "1"},
        },
    }
    asked = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "save_memory", "arguments": {"text": OSCAR}},
    }
    lines = [json.dumps(hello), '{"jsonrpc":"2.0","method":"notifications/initialized"}', json.dumps(asked)]
    server = stdio(tmp_path / "store")
    process = subprocess.Popen(
        [server.command, *server.args],
        env=server.env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("this is no JSON\n" + "\n".join(lines) + "\n")
    process.stdin.flush()
    answers = [json.loads(process.stdout.readline())]
    while answers[-1].get("id") != 2:
        answers.append(json.loads(process.stdout.readline()))
    out, err = process.communicate(timeout=20)
    assert out == ""
    assert answers[-1]["result"]["content"][0]["text"] == "Saved."
    assert "Oscar" not in err
    assert process.returncode == 0


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def test_without_its_token_no_request_is_answered(tmp_path: Path, web: httpx.AsyncClient) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with over_http(tmp_path / "store", "--token", "s3cret-token") as running:
        for headers in (
            {},
            {"authorization": "Bearer other"},
            {"authorization": "Basic s3cret-token"},
            {"authorization": "bearer"},
        ):
            for method in ("POST", "GET", "DELETE", "PUT"):
                answer = await web.request(method, running.url, json=ping, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        assert (await web.get(running.url.removesuffix("mcp") + "docs")).status_code == 401
        headers = {"authorization": "Bearer s3cret-token"}
        async with httpx2_client(headers) as http:
            from mcp.client.streamable_http import streamable_http_client

            async with Client(streamable_http_client(running.url, http_client=http)) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        _, out, err = running.stop()
    assert "s3cret" not in out + err


def httpx2_client(headers: dict[str, str]) -> Any:
    """The SDK's own make of an HTTP client, with headers."""
    from mcp.shared._httpx_utils import create_mcp_http_client

    return create_mcp_http_client(headers=headers)


async def test_a_web_page_of_another_host_gets_nothing(tmp_path: Path, web: httpx.AsyncClient) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with over_http(tmp_path / "store") as running:
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            answer = await web.post(running.url, json=ping, headers=headers)
            assert answer.status_code in (403, 421)


def test_an_address_that_others_reach_needs_a_token(tmp_path: Path) -> None:
    done = shell("mcp", "--http", "--host", "0.0.0.0", "--store", str(tmp_path / "store"))
    assert done.returncode == 2
    assert "--token" in done.stderr
    assert done.stdout == ""


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with over_http(tmp_path / "store") as running:
        port = running.url.rpartition(":")[2].removesuffix("/mcp")
        done = shell("mcp", "--http", "--port", port, "--store", str(tmp_path / "store"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot listen on 127.0.0.1:")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_another_implementation_lists_and_calls_over_both_transports(tmp_path: Path) -> None:
    """The inspector of the protocol's own project, in JavaScript; skipped where npm cannot fetch it."""
    inspector = fetched(tmp_path / "inspector")
    server = stdio(tmp_path / "store", "--user", "maya")
    script = tmp_path / "serve"
    script.write_text(f"#!{server.command}\nimport sys\n{server.args[1]}\n", "utf-8")
    script.chmod(0o700)

    def inspect(target: list[str], method: str, *arguments: str) -> Any:
        line = [inspector, "--cli", *target, "--method", method, *arguments]
        done = subprocess.run(line, env=server.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    with over_http(tmp_path / "store", "--user", "maya") as running:
        for number, target in enumerate(([str(script), *server.args[2:]], [running.url])):
            assert [tool["name"] for tool in inspect(target, "tools/list")["tools"]] == TOOLS
            arguments = ("--tool-name", "save_memory", "--tool-arg", f"text=Pet {number} is named Oscar.")
            assert inspect(target, "tools/call", *arguments)["content"][0]["text"] == "Saved."
            arguments = ("--tool-name", "search_memories", "--tool-arg", "query=Oscar")
            assert f"Pet {number}" in inspect(target, "tools/call", *arguments)["content"][0]["text"]
        assert inspect([running.url], "resources/list")["resources"]


def fetched(place: Path) -> str:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm")
    place.mkdir()
    line = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(place), INSPECTOR]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip("npm cannot fetch the inspector")
    return str(place / "node_modules" / ".bin" / "mcp-inspector")
