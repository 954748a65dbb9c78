"""Anthropic's memory tool: the texts of its documentation, over files that stay category files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.config import Settings
from memu_like.faces.memory_tool import MemoryTool, ToolResult
from memu_like.service import MemoryService, UserMemory

PETS = "# pets\n\n## animals\n- Has a guinea pig named Oscar.\n- Loves horses.\n"


@pytest.fixture
async def user(tmp_path: Path) -> AsyncIterator[UserMemory]:
    async with MemoryService(Settings(store=tmp_path / "store")) as service:
        yield service.user("maya")


@pytest.fixture
def tool(user: UserMemory) -> MemoryTool:
    return MemoryTool(user)


async def good(tool: MemoryTool, command: str, **arguments: Any) -> str:
    result = await tool.run({"command": command, **arguments})
    assert not result.is_error, result.text
    return result.text


async def bad(tool: MemoryTool, command: str, **arguments: Any) -> str:
    result = await tool.run({"command": command, **arguments})
    assert result.is_error, result.text
    return result.text


async def made(tool: MemoryTool, text: str = PETS, path: str = "/memories/pets.md") -> str:
    await good(tool, "create", path=path, file_text=text)
    return path


async def test_the_directory_of_a_new_user_is_empty(tool: MemoryTool) -> None:
    assert await good(tool, "view", path="/memories") == (
        "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and"
        " node_modules:\n0\t/memories"
    )


async def test_what_is_created_is_listed_and_viewed_with_line_numbers(
    tool: MemoryTool, user: UserMemory
) -> None:
    assert await good(tool, "create", path="/memories/pets.md", file_text=PETS) == (
        "File created successfully at: /memories/pets.md"
    )
    listing = (await good(tool, "view", path="/memories/")).split("\n")
    assert [line.split("\t")[1] for line in listing[1:]] == ["/memories", "/memories/pets.md"]
    viewed = (await good(tool, "view", path="/memories/pets.md")).split("\n")
    assert viewed[0] == "Here's the content of /memories/pets.md with line numbers:"
    text = (await user.category("pets")).text
    assert viewed[1:] == [f"{n:6}\t{line}" for n, line in enumerate(text.split("\n"), start=1)]
    some = (await good(tool, "view", path="/memories/pets.md", view_range=[2, 3])).split("\n")
    assert some[1:] == viewed[2:4]
    rest = (await good(tool, "view", path="/memories/pets.md", view_range=[3, -1])).split("\n")
    assert rest[1:] == viewed[3:]


async def test_a_bullet_that_a_model_writes_is_an_item_that_search_finds(
    tool: MemoryTool, user: UserMemory
) -> None:
    await made(tool)
    assert {item.text for item in await user.items(topic="pets")} == {
        "Has a guinea pig named Oscar.",
        "Loves horses.",
    }
    assert "Oscar" in (await user.retrieve("Who is Oscar?")).hits[0].text


async def test_a_file_that_is_there_is_not_created_again(tool: MemoryTool) -> None:
    path = await made(tool)
    before = await good(tool, "view", path=path)
    assert await bad(tool, "create", path=path, file_text="x") == f"Error: File {path} already exists"
    assert await good(tool, "view", path=path) == before


async def test_a_text_that_stands_once_is_replaced_and_shown(tool: MemoryTool, user: UserMemory) -> None:
    path = await made(tool)
    text = await good(tool, "str_replace", path=path, old_str="guinea pig", new_str="rabbit")
    head, *lines = text.split("\n")
    assert head == "The memory file has been edited."
    assert any("Has a rabbit named Oscar." in line for line in lines)
    stands = (await user.category("pets")).text.split("\n")
    assert all(stands[int(line[:6]) - 1] == line[7:] for line in lines)
    assert "Has a rabbit named Oscar." in [item.text for item in await user.items(topic="pets")]


async def test_what_cannot_be_replaced_is_said_as_documented(tool: MemoryTool) -> None:
    path = await made(tool, "# pets\n\n## animals\n- a cat\n- a dog\n")
    assert await bad(tool, "str_replace", path=path, old_str="zebra", new_str="x") == (
        f"No replacement was performed, old_str `zebra` did not appear verbatim in {path}."
    )
    told = await bad(tool, "str_replace", path=path, old_str="- a ", new_str="x")
    assert told.startswith("No replacement was performed. Multiple occurrences of old_str `- a ` in lines: ")
    assert told.endswith(". Please ensure it is unique")
    assert await bad(tool, "str_replace", path="/memories/no.md", old_str="a", new_str="x") == (
        "Error: The path /memories/no.md does not exist. Please provide a valid path."
    )


async def test_a_line_is_inserted_behind_another(tool: MemoryTool, user: UserMemory) -> None:
    path = await made(tool)
    lines = (await user.category("pets")).text.split("\n")
    at = next(n for n, line in enumerate(lines, start=1) if "horses" in line)
    told = await good(tool, "insert", path=path, insert_line=at, insert_text="- Rides on Sundays.\n")
    assert told == f"The file {path} has been edited."
    assert "Rides on Sundays." in [item.text for item in await user.items(topic="pets")]
    count = len((await user.category("pets")).text.splitlines())
    for line in (-1, count + 1):
        assert await bad(tool, "insert", path=path, insert_line=line, insert_text="x") == (
            f"Error: Invalid `insert_line` parameter: {line}. It should be within the range of lines of the"
            f" file: [0, {count}]"
        )


async def test_a_file_is_renamed_with_its_items_and_deleted(tool: MemoryTool, user: UserMemory) -> None:
    await made(tool)
    await made(tool, "# work\n\n## job\n- Teaches piano.\n", "/memories/work.md")
    told = await bad(tool, "rename", old_path="/memories/pets.md", new_path="/memories/work.md")
    assert told == "Error: The destination /memories/work.md already exists"
    told = await good(tool, "rename", old_path="/memories/pets.md", new_path="/memories/animals.md")
    assert told == "Successfully renamed /memories/pets.md to /memories/animals.md"
    assert len(await user.items(topic="animals")) == 2
    assert await good(tool, "delete", path="/memories/animals.md") == (
        "Successfully deleted /memories/animals.md"
    )
    assert await user.items(topic="animals") == []
    assert await bad(tool, "delete", path="/memories/animals.md") == (
        "Error: The path /memories/animals.md does not exist"
    )
    assert await bad(tool, "rename", old_path="/memories/no.md", new_path="/memories/b.md") == (
        "Error: The path /memories/no.md does not exist"
    )


async def test_another_ending_is_the_same_file(tool: MemoryTool) -> None:
    assert await good(tool, "create", path="/memories/Notes.txt", file_text=PETS) == (
        "File created successfully at: /memories/notes.md"
    )
    assert "Oscar" in await good(tool, "view", path="/memories/Notes.txt")


HOSTILE = [
    *("/memories/../user.json", "/memories/..", "/memories/./a.md", "/memories/a/b.md", "/memories//a.md"),
    *("/memories/%2e%2e%2fuser.json", "/memories/..%2f..", "/memories/a\x00.md", "/memories/.hidden"),
    *("/memories/a\\..\\b.md", "/etc/passwd", "memories/a.md", "", "/", "/memoriesa.md", "/x/memories/a.md"),
    *("/memories/a\n.md", "/memories/con.md", "/memories/" + "x" * 5000),
]


@pytest.mark.parametrize("path", HOSTILE)
async def test_a_path_that_leads_elsewhere_is_refused_by_every_command(
    tool: MemoryTool, user: UserMemory, tmp_path: Path, path: str
) -> None:
    await made(tool)
    before = everything(tmp_path)
    for command in ("view", "delete"):
        await bad(tool, command, path=path)
    await bad(tool, "create", path=path, file_text="- x\n")
    await bad(tool, "str_replace", path=path, old_str="a", new_str="b")
    await bad(tool, "insert", path=path, insert_line=0, insert_text="x")
    await bad(tool, "rename", old_path=path, new_path="/memories/b.md")
    await bad(tool, "rename", old_path="/memories/pets.md", new_path=path)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("path", HOSTILE)
async def test_a_refused_file_leaves_no_folder(tool: MemoryTool, tmp_path: Path, path: str) -> None:
    await bad(tool, "create", path=path, file_text="- x\n")
    assert everything(tmp_path) == {}


def everything(place: Path) -> dict[str, bytes]:
    files = (path for path in place.rglob("*") if path.is_file() and ".memu" not in path.parts)
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "given",
    [
        *({}, {"command": None}, {"command": "rm"}, {"command": "view"}, {"command": "view", "path": 3}),
        {"command": "create", "path": "/memories/a.md"},
        {"command": "insert", "path": "/memories/pets.md", "insert_line": "1", "insert_text": "x"},
        {"command": "insert", "path": "/memories/pets.md", "insert_line": True, "insert_text": "x"},
        *(
            {"command": "view", "path": "/memories/pets.md", "view_range": one}
            for one in ([0, 1], [1], "12", [9, 2], [500, 501], ["a", "b"])
        ),
        {"command": "delete", "path": "/memories"},
        {"command": "rename", "old_path": "/memories", "new_path": "/memories/b.md"},
        {"command": "create", "path": "/memories", "file_text": "x"},
        {"command": "create", "path": "/memories/a.md", "file_text": "a\x00b"},
        {"command": "create", "path": "/memories/a.md", "file_text": "x" * 2_000_000},
    ],
)
async def test_a_wrong_input_is_an_error_of_the_tool(tool: MemoryTool, given: dict[str, Any]) -> None:
    path = await made(tool)
    before = await good(tool, "view", path=path)
    assert (await tool.run(given)).is_error
    assert await good(tool, "view", path=path) == before


async def test_an_edit_that_a_person_saved_meanwhile_is_not_lost(tool: MemoryTool, user: UserMemory) -> None:
    path = await made(tool)
    file = user.folder.root / "categories" / "pets.md"
    file.write_text(file.read_text("utf-8").replace("Loves horses.", "Loves all horses."), "utf-8")
    await good(tool, "str_replace", path=path, old_str="guinea pig", new_str="rabbit")
    text = file.read_text("utf-8")
    assert "rabbit" in text
    assert "Loves all horses." in text


@given(
    st.dictionaries(st.sampled_from(["command", "path", "file_text", "view_range"]), st.none() | st.text())
)
async def test_any_input_gets_a_result(given: dict[str, Any]) -> None:
    # Nothing of it may reach the files: no command comes so far without a store.
    if given.get("command") in ("view", "create", "str_replace", "insert", "delete", "rename"):
        given["path"] = None
        given["old_path"] = None
    async with MemoryService(Settings(store=Path("never-made"))) as service:
        result = await MemoryTool(service.user("maya")).run(given)
    assert isinstance(result, ToolResult)
    assert result.is_error
