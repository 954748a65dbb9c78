"""Every tool over both transports, by the SDK's client and by another implementation."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from command_running import shell, with_environment
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp_serving import TOOLS, call, client_with, over_http, stdio

OSCAR = "I adopted a guinea pig named Oscar."
ROSA = "My sister Rosa lives in Lisbon."
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a", "version": "1"},
    },
}
EACH_TOOL: dict[str, dict[str, Any]] = {
    "save_memory": {"text": OSCAR},
    "search_memories": {"query": "pets"},
    "get_user_profiles": {},
    "add_memory": {"user_input": OSCAR, "agent_response": "Nice."},
    "retrieve_memory": {"query": "pets"},
    "get_user_profile": {},
    "read_category": {"topic": "relationships"},
    "edit_entry": {"entry_id": "abcdefgh", "expected": "a", "text": "b"},
    "history": {},
    "forget": {"entry_id": "abcdefgh"},
}
INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"


async def use_each_tool(client: Client) -> set[str]:
    """Call each tool once with what it needs; returns the names of those that answered."""
    answered = set()

    async def told(tool: str, **arguments: Any) -> Any:
        found = await call(client, tool, **arguments)
        assert not found.is_error, found.text
        answered.add(tool)
        return found

    await told("save_memory", text=OSCAR)
    await told("add_memory", user_input=ROSA, agent_response="A fine city.")
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


@pytest.mark.parametrize("options", [(), ("--http",)])
def test_without_the_extra_an_error_of_one_line_names_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    code = "import sys; sys.modules['mcp'] = None; from memu_like.faces.cli import main; sys.exit(main())"
    line = [sys.executable, "-c", code, "mcp", "--store", str(tmp_path / "store"), *options]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, **with_environment({}))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the MCP server needs an optional package: pip install 'memu-like[mcp]'\n"
    assert list(tmp_path.iterdir()) == []


LOUD = """
import logging, os, pathlib, sys, threading, time, warnings
from memu_like.faces.cli import main

def shout():
    while not pathlib.Path("begin").exists():
        time.sleep(0.01)
    print("a library prints", flush=True)
    os.write(1, b"so does one in C\\n")
    os.system("echo and a child")
    warnings.warn("a warning")
    logging.getLogger("library").warning("a line of a log")
    pathlib.Path("shouted").touch()

threading.Thread(target=shout, daemon=True).start()
sys.exit(main())
"""
JUNK = [
    *("this is no JSON", "", "[]", "7", "\x00", '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":[],"method":3}'),
    '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":"Oscar"}',
]


def test_stdout_carries_json_rpc_only(tmp_path: Path) -> None:
    """Also where libraries print, warn and log, and where what comes in is no JSON-RPC."""
    wrong = [
        tool_call(3, "read_category", topic="../user"),
        tool_call(4, "nonsense", text=OSCAR),
        tool_call(5, "search_memories", query=OSCAR, max_length="many"),
        {"jsonrpc": "2.0", "id": 6, "method": "nonsense/method"},
        {"jsonrpc": "2.0", "id": 7, "method": "prompts/get", "params": {"name": OSCAR}},
        {"jsonrpc": "2.0", "id": 8, "method": "resources/read", "params": {"uri": OSCAR}},
    ]
    right = [tool_call(2, "save_memory", text=OSCAR), tool_call(10, "get_user_profiles")]
    line = [sys.executable, "-W", "always", "-c", LOUD, "mcp", "--store", "store", "--user", "maya"]
    with Talk(line, tmp_path) as talk:
        assert talk.ask(HELLO)["result"]["serverInfo"]["name"] == "memu-like"
        (tmp_path / "begin").touch()
        wait_for(tmp_path / "shouted")
        talk.say(INITIALIZED, *JUNK)
        answers = [talk.ask(one) for one in (*wrong, *right)]
        out, err = talk.end()
    assert all(one["jsonrpc"] == "2.0" for one in answers)
    assert [one["id"] for one in answers] == [3, 4, 5, 6, 7, 8, 2, 10]
    assert ["error" in one or one["result"]["isError"] for one in answers] == [True] * 6 + [False] * 2
    assert out == ""
    for said in ("a library prints", "so does one in C", "and a child", "a warning", "a line of a log"):
        assert said in err
    assert "Oscar" not in err
    assert "Traceback" not in err


class Talk:
    """A server on stdio, asked line by line."""

    def __init__(self, line: list[str], place: Path) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            line, cwd=place, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **with_environment({})
        )

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def say(self, *lines: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(line + "\n" for line in lines))
        self._process.stdin.flush()

    def ask(self, request: dict[str, Any]) -> Any:
        """The answer to a request; every line until then must be JSON-RPC."""
        self.say(json.dumps(request))
        assert self._process.stdout is not None
        while (answer := json.loads(self._process.stdout.readline())).get("id") != request["id"]:
            assert answer["jsonrpc"] == "2.0"
        return answer

    def end(self) -> tuple[str, str]:
        """Hang up, as a client does; returns what was printed since."""
        out, err = self._process.communicate(timeout=20)
        assert self._process.returncode == 0
        return out, err


def tool_call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def wait_for(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} was never made"
        time.sleep(0.01)


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def test_without_a_token_that_it_knows_no_request_is_answered(
    tmp_path: Path, web: httpx.AsyncClient
) -> None:
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
        for path in ("docs", "api/v1/healthcheck", ""):
            assert (await web.get(running.url.removesuffix("mcp") + path)).status_code == 401
        async with client_with(running.url, "s3cret-token") as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        _, out, err = running.stop()
    assert "s3cret" not in out + err


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_token_of_one_user_opens_no_other(tmp_path: Path, mode: Literal["auto", "legacy"]) -> None:
    tokens = tmp_path / "tokens"
    hashed = hashlib.sha256(b"token-of-rosa").hexdigest()
    tokens.write_text(f"token-of-all\ntoken-of-maya maya\nsha256:{hashed} rosa\n", "utf-8")
    with over_http(tmp_path / "store", "--user", "maya", "--token-file", str(tokens)) as running:
        async with client_with(running.url, "token-of-maya", mode=mode) as client:
            await call(client, "save_memory", text=OSCAR)
            [file] = (await client.list_resources()).resources
        async with client_with(running.url, "token-of-rosa", mode=mode) as client:
            assert (await client.list_resources()).resources == []
            assert "Nothing is remembered" in (await call(client, "get_user_profiles")).text
            told = await call(client, "save_memory", text=ROSA)
            assert not told.is_error
            for tool, arguments in EACH_TOOL.items():
                told = await call(client, tool, **arguments, user_id="maya")
                assert told.is_error
                assert "your token does not open" in told.text
            for uri in (file.uri, "memory://maya/categories/none"):
                with pytest.raises(MCPError, match="your token does not open"):
                    await client.read_resource(uri)
            with pytest.raises(MCPError, match="your token does not open"):
                await client.get_prompt("context", {"user_id": "maya"})
            if mode == "auto":  # there are no subscriptions in the older protocol
                with pytest.raises(MCPError, match="your token does not open"):
                    await client.listen(resource_subscriptions=[file.uri]).__aenter__()
        async with client_with(running.url, "token-of-all", mode=mode) as client:
            assert OSCAR in (await call(client, "get_user_profiles")).text
            assert ROSA in (await call(client, "get_user_profiles", user_id="rosa")).text


async def test_who_subscribes_is_told_of_changes_by_whoever_makes_them(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with over_http(store, "--user", "maya") as running:
        async with Client(running.url) as client:
            assert client.server_capabilities.resources is not None
            assert client.server_capabilities.resources.subscribe
            async with client.listen(resources_list_changed=True) as stream:
                await call(client, "save_memory", text=OSCAR)
                assert await one_of(stream) == ResourcesListChanged()
            [file] = (await client.list_resources()).resources
            async with client.listen(resource_subscriptions=[file.uri]) as stream:
                path = store / "maya" / "categories" / f"{file.name}.md"
                path.write_text(path.read_text("utf-8").replace("guinea pig", "rabbit"), "utf-8")
                assert await one_of(stream) == ResourceUpdated(file.uri)
            with pytest.raises(MCPError, match="no resource"):
                await client.listen(resource_subscriptions=["memory://maya/user.json"]).__aenter__()


async def one_of(stream: Any) -> object:
    async with asyncio.timeout(20):
        return await anext(aiter(stream))


async def test_a_session_answers_to_the_token_that_began_it(tmp_path: Path, web: httpx.AsyncClient) -> None:
    with over_http(tmp_path / "store", "--token", "one", "--token", "two") as running:
        own = {"authorization": "Bearer one", "accept": "application/json, text/event-stream"}
        begun = await web.post(running.url, json=HELLO, headers=own)
        assert begun.status_code == 200
        asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        assert (await web.post(running.url, json=asked, headers={**own, **session})).status_code == 200
        other = {**own, **session, "authorization": "Bearer two"}
        assert (await web.post(running.url, json=asked, headers=other)).status_code == 404


HOSTILE_BODIES = [
    *(b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b"[" * 100_000, b'{"jsonrpc":"2.0","id":1}'),
    b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}',
    b'{"jsonrpc":"2.0","id":{},"method":"tools/call","params":[]}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"save_memory","arguments":7}}',
    b'{"jsonrpc":"2.0","id":1,"method":"\\u0000"}',
    b'"' + b"x" * 5_000_000 + b'"',
]


async def test_a_hostile_body_is_the_clients_mistake_and_the_server_goes_on(
    tmp_path: Path, web: httpx.AsyncClient
) -> None:
    accept = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    with over_http(tmp_path / "store") as running:
        for version in ("2025-06-18", "2026-07-28", "never"):
            headers = {**accept, "mcp-protocol-version": version}
            for body in HOSTILE_BODIES:
                answer = await web.post(running.url, content=body, headers=headers)
                assert 400 <= answer.status_code < 500, (body[:60], answer.text)
                assert "Traceback" not in answer.text
            for method in ("PUT", "PATCH", "DELETE", "GET"):
                assert 400 <= (await web.request(method, running.url, headers=headers)).status_code < 500
        async with Client(running.url) as client:
            assert len((await client.list_tools()).tools) == len(TOOLS)
        _, out, err = running.stop()
    assert out == ""
    assert "Traceback" not in err
    assert not (tmp_path / "store").exists()


async def test_a_web_page_of_another_host_gets_nothing(tmp_path: Path, web: httpx.AsyncClient) -> None:
    accept = {"accept": "application/json, text/event-stream"}
    with over_http(tmp_path / "store") as running:
        for headers in (
            {"host": "evil.example"},
            {"host": "evil.example:8765"},
            {"host": "127.0.0.1.evil.example:80"},
            {"origin": "https://evil.example"},
            {"origin": "http://localhost.evil.example"},
            {"origin": "null"},
        ):
            answer = await web.post(running.url, json=HELLO, headers={**accept, **headers})
            assert answer.status_code in (403, 421)
        port = running.url.split(":")[2].removesuffix("/mcp")
        for headers in ({}, {"host": f"localhost:{port}"}, {"origin": f"http://127.0.0.1:{port}"}):
            answer = await web.post(running.url, json=HELLO, headers={**accept, **headers})
            assert answer.status_code == 200


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
    assert done.stderr.startswith("error: cannot listen on 127.0.0.1")
    assert done.stderr.count("\n") == 1


def test_a_token_with_nothing_to_guard_is_refused(tmp_path: Path) -> None:
    done = shell("mcp", "--token", "s3cret", "--store", str(tmp_path / "store"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: --token and --token-file go with --http")
    assert "s3cret" not in done.stderr


@pytest.mark.slow
def test_another_implementation_lists_and_calls_each_tool_over_both_transports(tmp_path: Path) -> None:
    """The inspector of the protocol's own project, in JavaScript; skipped where npm cannot fetch it."""
    inspector = fetched(tmp_path / "inspector")
    server = stdio(tmp_path / "store", "--user", "maya")
    script = tmp_path / "serve"
    script.write_text(f"#!{server.command}\nimport sys\n{server.args[1]}\n", "utf-8")
    script.chmod(0o700)
    with over_http(tmp_path / "store", "--user", "rosa", "--token", "t0ken") as running:
        environment = {**(server.env or {}), "HOME": str(tmp_path)}
        over = [
            Inspecting(inspector, [str(script), *server.args[2:]], [], environment),
            Inspecting(inspector, [running.url], ["--header", "Authorization: Bearer t0ken"], environment),
        ]
        with ThreadPoolExecutor(2) as pool:
            assert [*pool.map(inspect_each, over)] == [set(TOOLS), set(TOOLS)]


@dataclass
class Inspecting:
    """Runs of the inspector's command line against one target."""

    inspector: str
    target: list[str]
    options: list[str]
    environment: dict[str, str]

    def __call__(self, method: str, *arguments: str) -> Any:
        line = [self.inspector, "--cli", *self.target, "--method", method, *self.options, *arguments]
        done = subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def tool(self, name: str, **arguments: str) -> str:
        given = [part for key, value in arguments.items() for part in ("--tool-arg", f"{key}={value}")]
        result = self("tools/call", "--tool-name", name, *given)
        assert not result.get("isError"), result
        return "".join(part["text"] for part in result["content"])


def inspect_each(inspect: Inspecting) -> set[str]:
    """List what there is and call each tool; returns the names of those that answered as they should."""
    called = set()

    def tool(name: str, **arguments: str) -> str:
        called.add(name)
        return inspect.tool(name, **arguments)

    assert [tool["name"] for tool in inspect("tools/list")["tools"]] == TOOLS
    assert tool("save_memory", text=OSCAR) == "Saved."
    assert "Saved." in tool("add_memory", user_input=ROSA, agent_response="A fine city.")
    assert OSCAR in tool("search_memories", query="pets", max_length="500")
    assert OSCAR in tool("retrieve_memory", query="guinea pig", max_results="3")
    assert OSCAR in tool("get_user_profile", include_knowledge="true")
    profile = tool("get_user_profiles")
    line = next(line for line in profile.splitlines() if "Oscar" in line)
    place, _, text = line.removeprefix("- ").partition(": ")
    topic, entry_id = place.split("/")[0], place.split()[-1]
    assert OSCAR in tool("read_category", topic=topic)
    tool("edit_entry", entry_id=entry_id, expected=text, text="Has a rabbit named Oscar.")
    assert "rabbit" in tool("history", what=entry_id)
    assert "is forgotten" in tool("forget", entry_id=entry_id)
    [resource] = inspect("resources/list")["resources"]
    read = inspect("resources/read", "--uri", resource["uri"])["contents"][0]["text"]
    assert ROSA in read
    assert "rabbit" not in read
    assert [prompt["name"] for prompt in inspect("prompts/list")["prompts"]] == ["context", "remember"]
    return called


def fetched(place: Path) -> str:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm here to fetch the inspector with")
    place.mkdir()
    flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place)]
    try:
        done = subprocess.run(
            [npm, "install", *flags, INSPECTOR], capture_output=True, text=True, timeout=300
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not fetch {INSPECTOR} within five minutes")
    if done.returncode:
        pytest.skip(f"npm could not fetch {INSPECTOR}: {done.stderr.strip().splitlines()[-1:]}")
    return str(place / "node_modules" / ".bin" / "mcp-inspector")
