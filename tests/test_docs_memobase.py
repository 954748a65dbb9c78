"""docs/from-memobase.md, held to Memobase's client, to the configuration's keys, and to what runs."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from memobase import AsyncMemoBaseClient, MemoBaseClient, User
from memobase.core.async_entry import AsyncUser
from serving import TOKEN, served

from memu_like import MemoryService, Settings, UserMemory
from memu_like.faces.server import make_app
from memu_like.pure.memobase_config import MemobaseConfig, own_name, read_config, translate

PAGE = (Path(__file__).parent.parent / "docs" / "from-memobase.md").read_text("utf-8")
OWN = {"client", "close"}
CLIENTS: Mapping[str, tuple[type, type]] = {
    "MemoBaseClient": (MemoBaseClient, AsyncMemoBaseClient),
    "User": (User, AsyncUser),
}


def rows(kind: str, name: str) -> list[list[str]]:
    table = PAGE.partition(f"<!-- {kind}: {name} -->\n")[2].partition("\n\n")[0]
    found = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in found]


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.mark.parametrize("name", CLIENTS)
def test_each_method_of_the_client_has_its_row_and_no_other(name: str) -> None:
    told = [re.match(r"`(\w+)\(", row[0])[1] for row in rows("methods", name)]  # type: ignore[index]
    methods = {one for one, _ in inspect.getmembers(CLIENTS[name][0], inspect.isfunction)}
    assert sorted(told) == sorted(one for one in methods - OWN if not one.startswith("_"))
    also = {one for one, _ in inspect.getmembers(CLIENTS[name][1], inspect.isfunction)}
    assert {one for one in also - OWN if not one.startswith("_")} <= set(told)


def test_each_verb_of_the_table_is_there() -> None:
    owners = {"memory": MemoryService, "user": UserMemory}
    found = re.findall(
        r"`(memory|user)\.(\w+)\(", "".join(row[2] for name in CLIENTS for row in rows("methods", name))
    )
    assert len(found) > 25
    for owner, verb in found:
        assert hasattr(owners[owner], verb), f"{owner}.{verb}"


async def test_each_route_of_the_table_is_served(tmp_path: Path) -> None:
    async with MemoryService(tmp_path) as service:
        paths = make_app(service, None).openapi()["paths"]
    served_routes = {(verb.upper(), re.sub(r"\{\w+\}", "{}", path)) for path in paths for verb in paths[path]}
    for row in [*rows("methods", "MemoBaseClient"), *rows("methods", "User")]:
        last = re.findall(r"`(\w+)(?: (/[^`]*))?`", row[1])[-1]
        path = re.sub(r"\{\w+\}", "{}", f"/api/v1{last[1]}")
        assert {(last[0], path)} <= served_routes, row[1]


def test_each_key_of_the_configuration_stands_beside_its_setting() -> None:
    told = {row[0].strip("`"): row[1] for row in rows("keys", "MemobaseConfig")}
    assert list(told) == list(MemobaseConfig.model_fields)
    values = {"use_timezone": "UTC", "language": "en", "embedding_provider": "openai"}
    for key, text in told.items():
        setting = own_name(key) or key
        if text.startswith("not used"):
            given = {key: values.get(key, _value_of(key))}
            notes = translate(read_config(given, {})).notes
            assert any(note.startswith(f"{key}: not used") for note in notes), key
        else:
            assert f"`{setting}`" in text, key
            assert setting in Settings.model_fields, key


def _value_of(key: str) -> object:
    kind = str(MemobaseConfig.model_fields[key].annotation)
    return True if "bool" in kind else 1 if "int" in kind or "float" in kind else "x"


def test_the_line_that_changes_is_all_that_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = next(one for one in examples("python") if "MemoBaseClient(" in one)
    with served(tmp_path / "store") as address:
        placed = code.replace("http://localhost:8019", address).replace('"SECRET"', repr(TOKEN))
        names: dict[str, Any] = {}
        exec(compile(placed, "from-memobase.md", "exec"), names)
        names["client"].client.close()
    printed = capsys.readouterr().out
    assert printed.count("Oscar") >= 2


async def test_the_import_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = next(one for one in examples("python") if "bring_over" in one)
    with served(tmp_path / "other") as address:
        client = MemoBaseClient(project_url=address, api_key=TOKEN)
        with client.client:
            client.get_user(client.add_user()).add_profile("Plays go", "interest", "games")
        names: dict[str, object] = {}
        exec(compile(code, "from-memobase.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        await names["bring_over"](address, TOKEN)  # type: ignore[operator]
    assert capsys.readouterr().out == "1 1 0 0 ()\n"
    assert (tmp_path / "memory_store").is_dir()
