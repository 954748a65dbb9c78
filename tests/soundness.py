"""What must hold of a user's folder whatever a language model has answered."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from memu_like.models import Item, Status
from memu_like.service import UserMemory

LONGEST_TEXT = 2_000
"""Characters of a stored text at most, whatever a model writes."""
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
JOINERS = "\u200c\u200d"
"""Persian, the scripts of India and emoji need them."""


@dataclass(frozen=True)
class Before:
    """A folder as it stood: its profile's lines (without its block id: that id), its resources' bytes, and
    everything that lies beside it."""

    lines: dict[str, str]
    resources: dict[str, bytes]
    beside: frozenset[str]


def look(root: Path) -> Before:
    return Before(_lines(root), _resources(root), _beside(root))


def _lines(root: Path) -> dict[str, str]:
    files = (root / "categories").glob("*.md")
    lines = [line for file in files for line in file.read_text("utf-8").splitlines() if line.startswith("- ")]
    return {line.partition(" ^")[0]: line.partition(" ^")[2] for line in lines}


def _resources(root: Path) -> dict[str, bytes]:
    files = (root / "resources").rglob("*")
    return {str(file.relative_to(root)): file.read_bytes() for file in files if file.is_file()}


def _beside(root: Path) -> frozenset[str]:
    around = root.parent.parent
    found = (path for path in around.rglob("*") if path != root and root not in path.parents)
    return frozenset(str(path.relative_to(around)) for path in found if ".memu" not in path.parts)


def is_plain(text: str) -> bool:
    """One line, bounded, with nothing in it that cannot be seen."""
    seen = all(c in JOINERS or unicodedata.category(c) not in HIDDEN for c in text)
    return bool(text.strip()) and seen and len(text) <= LONGEST_TEXT


async def assert_sound(user: UserMemory, before: Before, most_bytes: int) -> list[str]:
    """Nothing was lost, left the folder or grew without bound; the files agree, and no garbage is stored.

    Returns what the doctor finds beside errors.
    """
    root = user.folder.root
    await _assert_no_line_lost(user, before)
    now = _resources(root)
    assert {name: now.get(name) for name in before.resources} == before.resources
    assert _beside(root) == before.beside
    assert not [path for path in root.rglob("*") if path.is_symlink()]
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < most_bytes
    await _assert_items_sound(user)
    await _assert_events_sound(user)
    findings = await user.doctor()
    assert not [finding for finding in findings if finding.level == "error"]
    return [str(finding) for finding in findings]


async def _assert_no_line_lost(user: UserMemory, before: Before) -> None:
    """Each line of the profile stands, or its item was replaced, and the reason is on record."""
    left = _lines(user.folder.root)
    events = await user.events()
    for line in before.lines.keys() - left.keys():
        block = before.lines[line]
        assert block, f"a person's line is gone: {line}"
        item = await user.item(block)
        assert item.status is not Status.ACTIVE, line
        assert item.reason or any(item.id in told.items for told in events), line


async def _assert_items_sound(user: UserMemory) -> None:
    lines = {one.id: one.lines for one in await user.resources()}
    topics = {file.stem for file in (user.folder.root / "categories").glob("*.md")}
    for item in await user.items():
        for text in (item.text, item.slot, item.topic, item.subject, *item.keywords, *item.tags):
            assert is_plain(text), f"{item.id}: {text[:200]!r}"
        assert item.topic in topics, item.topic
        assert item.source or item.origin == "human", item.id
        for source in (item.source, *item.corroborations):
            assert source is None or 1 <= source.first <= source.last <= lines[source.resource], item.id
        _assert_no_secret(item)


def _assert_no_secret(item: Item) -> None:
    text = " ".join([item.text, item.slot, *item.keywords, *item.tags])
    assert not [secret for secret in ("sk-proj-", "4111 1111", "hunter2", "<|im_") if secret in text], item.id


async def _assert_events_sound(user: UserMemory) -> None:
    for event in await user.events():
        for text in filter(None, (event.title, event.summary, *event.tags)):
            assert is_plain(text), f"{event.id}: {text[:200]!r}"
            assert "sk-proj-" not in text, event.id
