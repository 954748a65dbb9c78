"""docs/mcp.md: its tables are the server's, its entries start a server, its example runs."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from command_running import ROOT, with_environment
from mcp import Client, StdioServerParameters
from mcp_serving import TOOLS, call, client_with, over_http

from memu_like.faces.mcp.server import serving
from memu_like.service import MemoryService

PAGE = (ROOT / "docs" / "mcp.md").read_text("utf-8")
CLIENTS = re.findall(r"<!-- client: ([\w ]+) -->\n```json\n(.*?)^```$", PAGE, re.M | re.S)


def table(name: str) -> dict[str, list[str]]:
    """First column -> the names in the second."""
    found = re.search(rf"<!-- {name} -->\n\|.*\n\|[-|]*\n((?:\|.*\n)+)", PAGE)
    assert found is not None
    rows = [line.split(" | ") for line in found[1].splitlines()]
    return {row[0].strip("| `"): re.findall(r"`(\w+)`", row[1]) for row in rows}


async def test_the_table_of_tools_is_the_servers_list_with_its_arguments(service: MemoryService) -> None:
    async with serving(service, "maya") as server, Client(server) as client:
        listed = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts
        templates = (await client.list_resource_templates()).resource_templates
    arguments = {tool.name: list(tool.input_schema["properties"]) for tool in listed}
    assert {name: [*given, "user_id"] for name, given in table("tools").items()} == arguments
    assert list(table("tools")) == TOOLS
    assert table("prompts") == {one.name: [part.name for part in one.arguments or ()] for one in prompts}
    assert all(f"`{one.uri_template}`" in PAGE for one in templates)


@pytest.mark.parametrize(("name", "entry"), CLIENTS, ids=[name for name, _ in CLIENTS])
async def test_an_entry_starts_a_server_that_answers(name: str, entry: str, tmp_path: Path) -> None:
    [(_, given)] = json.loads(entry.replace("/path/to/memory_store", str(tmp_path / "store")))[
        "mcpServers"
    ].items()
    environment = installed(tmp_path / "bin", given["command"], given.get("env", {}))
    server = StdioServerParameters(command=given["command"], args=given["args"], env=environment)
    async with Client(server) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert set(given.get("autoApprove", ())) <= set(names) == set(TOOLS)
        await call(client, "save_memory", text="I keep bees.")
    assert (tmp_path / "store" / "maya").is_dir()


def installed(place: Path, command: str, variables: dict[str, str]) -> dict[str, str]:
    """An environment that has `command` on its path, as the package's installation puts it there."""
    place.mkdir()
    script = place / command
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom memu_like.faces.cli import main\nsys.exit(main())\n", "utf-8"
    )
    script.chmod(0o700)
    environment: dict[str, str] = with_environment({"env": variables})["env"]
    return {**environment, "PATH": os.pathsep.join([str(place), environment["PATH"]])}


def test_each_client_that_is_named_has_its_entry() -> None:
    assert [name for name, _ in CLIENTS] == ["Claude Desktop", "Cursor", "Cline"]


async def test_the_entry_over_http_reaches_a_server(tmp_path: Path) -> None:
    found = re.search(r"<!-- client over HTTP -->\n```json\n(.*?)^```$", PAGE, re.M | re.S)
    assert found is not None
    [given] = json.loads(found[1])["mcpServers"].values()
    token = (
        given["headers"]["Authorization"].replace("${env:MEMU_LIKE_TOKEN}", "t0ken").removeprefix("Bearer ")
    )
    with over_http(tmp_path / "store", "--token", "t0ken") as running:
        assert re.sub(r":\d+", "", running.url) == re.sub(r":\d+", "", given["url"])
        async with client_with(running.url, token) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS


async def test_the_example_of_the_memory_tool_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"<!-- example -->\n```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert found is not None
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    await eval(compile(found[1], "page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # type: ignore[misc]
    assert not names["result"].is_error
    assert "/memories/pets.md" in names["result"].text
    assert names["found"].hits[0].text == "Has a guinea pig named Oscar."
