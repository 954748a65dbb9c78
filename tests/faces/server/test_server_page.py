"""docs/server.md, held to the server: its routes, its limits, its figures and its options."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import typer
from rest_world import client, routes, world

from memu_like.faces.cli.app import app as commands
from memu_like.faces.server.limits import Limits
from memu_like.faces.server.rest.errors import STATUSES as OURS
from memu_like.faces.server.statuses import STATUSES

PAGE = (Path(__file__).parents[3] / "docs" / "server.md").read_text("utf-8")
MARKED = re.compile(r"<!-- (\w+) -->\n((?:\|.*\n)+)")


def tables(mark: str) -> str:
    return "".join(table for found, table in MARKED.findall(PAGE) if found == mark)


async def test_the_tables_of_routes_are_the_routes_of_the_app(tmp_path: Path) -> None:
    listed = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", tables("routes"), re.M)
    async with world(tmp_path / "store") as app:
        assert sorted(listed) == sorted(routes(app))


async def test_what_a_route_takes_has_the_names_of_the_document(tmp_path: Path) -> None:
    """A name in the row of a route is one of its parameters, of its body's fields, or of our words."""
    rows = re.findall(r"^\| ([A-Z]+) \| `(/v1[^`]+)` \| (.*) \|$", tables("routes"), re.M)
    async with world(tmp_path / "store") as app:
        document = app.openapi()
    for method, path, told in rows:
        operation = document["paths"][path][method.lower()]
        names = {one["name"] for one in operation.get("parameters", ())} | _fields(document, operation)
        assert set(re.findall(r"`(\w+)`", told)) <= names, (method, path)


def _fields(document: dict, operation: dict) -> set[str]:  # type: ignore[type-arg]
    content = operation.get("requestBody", {}).get("content", {})
    found = re.findall(r"#/components/schemas/([\w-]+)", str(content))
    return {name for one in found for name in document["components"]["schemas"][one].get("properties", ())}


def test_the_table_of_limits_has_their_defaults() -> None:
    listed = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", tables("limits"), re.M)
    wanted = dataclasses.asdict(Limits())
    assert [(name, float(value)) for name, value in listed] == list(wanted.items())


async def test_the_figures_are_all_named(tmp_path: Path) -> None:
    async with world(tmp_path / "store") as app, client(app) as one:
        text = (await one.get("/metrics")).text
    names = re.findall(r"^# TYPE (\w+)", text, re.M)
    assert len(names) == 4
    assert [name for name in names if f"| `{name}` |" not in PAGE] == []


def test_the_options_and_statuses_are_all_named() -> None:
    command = typer.main.get_command(commands).commands["serve"]  # type: ignore[attr-defined]
    options = {one for parameter in command.params for one in parameter.opts if one.startswith("--")}
    common = {"--user", "--json", "--debug", "--help"}
    assert [one for one in sorted(options - common) if f"`{one}" not in PAGE] == []
    listed = {int(one) for row in re.findall(r"^\| ([\d, ]+) \|", PAGE, re.M) for one in row.split(", ")}
    assert {*STATUSES.values(), *OURS.values()} <= listed
