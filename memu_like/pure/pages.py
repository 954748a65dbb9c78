"""Category files as a sync reads them: pages, the bullets on them, and what a bullet says as an item."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from .entering import MAX_TEXT
from .lines import split_lines, trailing_ids
from .markdown import BOM, Bullet, Section, is_blank, parse, unescape, with_ids
from .rendering import plain_line
from .secrets import mask_secrets


@dataclass(frozen=True, slots=True)
class Page:
    """A category file as it stands (`text` is None where there is none), and its base.

    `bullets` is the text of each bullet as the machine last wrote it, `summary` and `description` likewise;
    `told` are the summary and the description that a sync has seen there, () where none has; `theirs` are
    the bullets that are a person's, as it saw them. `put` tells when the machine last put a bullet in or took
    it out. `new` is a file that the machine has never written. `mentioned` are the ids within its lines that
    count there too, though no base knows them.
    """

    topic: str
    path: str
    text: str | None
    bullets: Mapping[str, str] = field(default_factory=dict, hash=False)
    summary: str = ""
    description: str = ""
    told: tuple[str, ...] = ()
    theirs: Mapping[str, str] = field(default_factory=dict, hash=False)
    put: Mapping[str, str] = field(default_factory=dict, hash=False)
    new: bool = False
    mentioned: frozenset[str] = frozenset()

    @property
    def is_new_and_blank(self) -> bool:
        """It may be a note that somebody begins, and may be one that was renamed and is being saved."""
        return self.new and self.text is not None and is_blank(self.text)

    @property
    def known(self) -> frozenset[str]:
        """The ids that count within a line of it."""
        return self.mentioned.union(self.bullets)

    def unseen(self, updated_at: str | None) -> frozenset[str]:
        """The ids that the machine has put in or taken out since the text was read by whoever has saved it.

        An editor saves its buffer whole; `updated_at`, which every write of the machine moves on, tells which
        text that was.
        """
        read = _moment(updated_at)
        if read is None:
            return frozenset()
        written = ((item_id, _moment(at)) for item_id, at in self.put.items())
        return frozenset(item_id for item_id, at in written if at is not None and at > read)


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bullet stands."""

    page: Page
    section: Section
    bullet: Bullet

    @property
    def line(self) -> int:
        return self.bullet.lines[0].number

    @property
    def is_mention(self) -> bool:
        """Whether the id stands within the text: typed on after, or another entry's, which is spoken of."""
        return self.bullet.id is not None and self.bullet.id not in trailing_ids(self.bullet.anchor.text)[1]

    def without_mention(self) -> Place:
        """The bullet with the id as a word of its text."""
        bullets = parse(self.page.text or "").bullets
        return replace(self, bullet=next(one for one in bullets if one.lines[0].number == self.line))

    def is_at(self, other: Place | None) -> bool:
        return other is not None and (self.page.path, self.line) == (other.page.path, other.line)


@dataclass(frozen=True, slots=True)
class NewId:
    """An id for the bullet that begins on `line`, in place of `old` where it has one."""

    line: int
    new: str
    old: str = ""


def said(text: str, mask: bool) -> str:
    """What a bullet says, as an item's text: one line without markdown's escapes, secrets masked."""
    plain = plain_line(unescape(text))
    if mask:
        plain = mask_secrets(plain)[0]
    return plain[:MAX_TEXT].rstrip()


def shown(text: str, mask: bool) -> str:
    """A bullet's text as it may be kept and told."""
    return mask_secrets(text)[0] if mask else text


def insert_ids(text: str, known: Collection[str], ids: Sequence[NewId]) -> str:
    """The text with the ids in it; no other byte changes. `known` as for `find_edits`."""
    if not ids:
        return text
    document = parse(text, known)
    anchors = {bullet.lines[0].number: bullet.anchor.number for bullet in document.bullets}
    copies = {anchors[one.line]: one for one in ids if one.old}
    fresh = with_ids(document, {one.line: one.new for one in ids if not one.old})
    if not copies:
        return fresh
    bom = BOM if fresh.startswith(BOM) else ""
    lines = split_lines(fresh[len(bom) :])
    return bom + "".join(_renumbered(line.text, copies.get(line.number)) + line.end for line in lines)


def _renumbered(text: str, copy: NewId | None) -> str:
    if copy is None:
        return text
    before, _, after = text.rpartition(f"^{copy.old}")
    return f"{before}^{copy.new}{after}"
