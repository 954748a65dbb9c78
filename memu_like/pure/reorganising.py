"""Reorganising a category: what a model is asked, and the operations on entries in its reply, checked.

A model names entries by handles (e1, e2, ...) and says what becomes of them. What a person wrote or pinned
has no handle. An operation that would lose a name, a number or most words of an entry, or bring in what no
entry says, is refused with its reason; the rest is done. Nothing is deleted: what is merged or reworded stays
in `items/` as it was, and what is hidden stays active and is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from pydantic import BaseModel, ValidationInfo, field_validator

from ..chat import OutputSchema
from ..config import Settings
from ..errors import InvalidInput
from ..models import Category, Item
from ..results import Rearrangement
from .entering import entered_slot
from .fencing import Data, Value
from .grounding import invented, kept_share, lost
from .quoted_orders import gives_orders, orders_in
from .rendering import entry_date, plain_line
from .replies import ReplyError, fit, parse_reply
from .secrets import has_secret

PROMPT = "reorganise"
"""The name of the template."""
MAX_ENTRY = 400
"""Characters of an entry that a model words: about a third of a slot's budget."""
MAX_SUMMARY = 240
MAX_NEW_SLOTS = 8

Kind = Literal["merge", "rewrite", "move", "hide", "new_slot"]
KINDS: tuple[str, ...] = get_args(Kind)
_HANDLE = re.compile(r"e\d{1,6}")
_MARKER = re.compile(r"^(?:[-*+]\s+)+")


@dataclass(frozen=True, slots=True)
class Offered:
    """An entry that may be touched; `standing` where the category file shows it now."""

    item: Item
    standing: bool

    @property
    def text(self) -> str:
        """As the model reads it: with when it happened, where the words do not say so."""
        date = entry_date(self.item.occurred, None)
        text = plain_line(self.item.text)
        return f"{text} ({date})" if date and date not in text else text


@dataclass(frozen=True, slots=True)
class ReorganiseCall:
    """One call: what the model is shown of a topic, and what its reply is held to.

    `offered` get the handles e1, e2, ... by position. `fixed` are (slot, text) of the entries that a person
    wrote or pinned. `slots` are those that the topic has now. `shown` is how many entries of the machine's
    own the file shows, those that did not fit the prompt included.
    """

    category: Category
    offered: tuple[Offered, ...]
    settings: Settings
    fixed: tuple[tuple[str, str], ...] = ()
    slots: tuple[str, ...] = ()
    shown: int = 0

    def handle(self, name: str) -> Offered | None:
        found = _HANDLE.fullmatch(name)
        number = int(name[1:]) if found else 0
        return self.offered[number - 1] if 1 <= number <= len(self.offered) else None


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """A reply, checked: what is to be done, and what is not with its reason. `summary` may be ""."""

    operations: tuple[Rearrangement, ...]
    refused: tuple[Rearrangement, ...]
    summary: str = ""


# -- asking


def entry_line(handle: str, offered: Offered) -> str:
    """An entry as the prompt shows it, for counting how many fit a budget."""
    state = "shown" if offered.standing else "left out"
    return f"{handle} | {state} | {plain_line(offered.item.slot)} | {offered.text}"


def reorganise_variables(call: ReorganiseCall) -> Mapping[str, Value]:
    """What the template gets: the owner's settings as text, what was remembered as Data."""
    configured = {slot.name: slot for slot in call.category.slots}
    others = [name for name in call.slots if name not in configured]
    return {
        "topic": Data(call.category.name, inline=True),
        "description": call.category.description,
        "update_description": call.category.update_description,
        "slots": tuple(
            {
                "name": slot.name,
                "description": slot.description,
                "update_description": slot.update_description,
            }
            for slot in call.category.slots
        ),
        "other_slots": tuple(Data(plain_line(name), inline=True) for name in others),
        "strict": call.settings.profile_strict,
        "entries": Data("\n".join(entry_line(f"e{n}", one) for n, one in enumerate(call.offered, start=1))),
        "fixed": Data("\n".join(f"{plain_line(slot)} | {plain_line(text)}" for slot, text in call.fixed)),
        "slot_tokens": call.settings.slot_budget_tokens,
        "category_tokens": call.settings.category_budget_tokens,
        "loss_percent": round(100 * call.settings.reorganise_loss),
        "max_entry": MAX_ENTRY,
        "max_summary": MAX_SUMMARY,
    }


def reorganise_schema() -> OutputSchema:
    """Every field of an operation is there in every kind, "" or [] where it says nothing: strict modes ask
    for that, and weak models keep to it more easily."""
    text = {"type": "string"}
    operation = {
        "type": "object",
        "properties": {
            "op": {"type": "string", "enum": list(KINDS)},
            "entries": {"type": "array", "items": text},
            "text": text,
            "slot": text,
        },
        "required": ["op", "entries", "text", "slot"],
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"operations": {"type": "array", "items": operation}, "summary": text},
        "required": ["operations", "summary"],
        "additionalProperties": False,
    }
    return OutputSchema("reorganisation", schema)


# -- reading the reply


class _Operation(BaseModel):
    """What a schema asks for may be missing all the same: a weak model leaves out what it does not use."""

    op: str
    entries: tuple[str, ...] = ()
    text: str = ""
    slot: str = ""

    @field_validator("*", mode="before")
    @classmethod
    def _nothing_said(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name != "op":
            return () if info.field_name == "entries" else ""
        return (value,) if info.field_name == "entries" and isinstance(value, str) else value


class _Reply(BaseModel):
    operations: tuple[_Operation, ...]
    summary: str = ""

    @field_validator("summary", mode="before")
    @classmethod
    def _nothing_said(cls, value: object) -> object:
        return "" if value is None else value


def read_reorganisation(text: str, call: ReorganiseCall) -> Reorganisation:
    """Read the reply to `call`. Raises ReplyError where it is none, or would lose more than it may.

    Single operations that cannot be done are refused with their reason, and the rest is kept.
    """
    reader = _Reader(call)
    reply = fit(parse_reply(text), _Reply)
    given = [_Given.of(one) for one in reply.operations]
    for one in sorted(given, key=lambda one: one.op != "new_slot"):
        reader.take(one)
    reader.leave_out_empty_slots()
    share = loss(reader.done, call)
    if share > call.settings.reorganise_loss:
        raise ReplyError(
            f"this would drop {share:.0%} of what the profile shows, and {call.settings.reorganise_loss:.0%} "
            "may go at most: hide fewer entries, and keep more words of those that you merge or rewrite"
        )
    summary = reader.summary(reply.summary)
    return Reorganisation(tuple(reader.done), tuple(reader.refused), summary)


def loss(operations: Iterable[Rearrangement], call: ReorganiseCall, gone: Iterable[str] = ()) -> float:
    """The share of the shown entries that the profile would lose.

    An entry that is hidden, or among `gone` (ids that no longer fit), is lost whole; one that is merged or
    reworded, by the share of its content words that the new wording has not. The sum is over the entries
    that the file shows, and is held against how many these are.
    """
    items = {one.item.id: one.item for one in call.offered if one.standing}
    parts = dict.fromkeys(gone, 1.0)
    for operation in operations:
        for item_id in operation.items:
            if item_id in items and operation.op == "hide":
                parts[item_id] = 1.0
            elif item_id in items and operation.op in ("merge", "rewrite"):
                lost_share = 1 - kept_share(items[item_id].text, operation.text)
                parts[item_id] = max(parts.get(item_id, 0.0), lost_share)
    return sum(parts.values()) / call.shown if call.shown else 0.0


@dataclass(frozen=True, slots=True)
class _Given:
    """One operation as the model wrote it."""

    op: str
    handles: tuple[str, ...]
    text: str
    slot: str

    @classmethod
    def of(cls, values: _Operation) -> _Given:
        handles = (one.strip(" \t[]()^`'\".,").casefold() for one in values.entries)
        return cls(
            values.op.strip().casefold(), tuple(dict.fromkeys(handles)), values.text, values.slot.strip()
        )


class _Refusal(Exception):
    """Why an operation cannot be done; its message is a clause."""


class _Reader:
    """Takes operations one by one; an entry is touched by one of them at most."""

    def __init__(self, call: ReorganiseCall) -> None:
        self.call = call
        self.done: list[Rearrangement] = []
        self.refused: list[Rearrangement] = []
        self.touched: set[str] = set()
        configured = [slot.name for slot in call.category.slots]
        usable = configured if call.settings.profile_strict else [*configured, *call.slots]
        self.slots = {name.casefold(): name for name in reversed(usable)}

    def take(self, given: _Given) -> None:
        if len(self.done) + len(self.refused) > 2 * len(self.call.offered) + MAX_NEW_SLOTS:
            return
        try:
            found = self._check(given)
        except _Refusal as error:
            self.refused.append(self._shown(given, str(error)))
            return
        self.done.append(found)
        self.touched.update(found.items)

    def _shown(self, given: _Given, reason: str) -> Rearrangement:
        entries = [self.call.handle(name) for name in given.handles]
        op = cast(Kind, given.op if given.op in KINDS else "rewrite")
        return Rearrangement(
            op=op,
            topic=self.call.category.name,
            items=tuple(one.item.id for one in entries if one is not None),
            text=plain_line(given.text)[:MAX_ENTRY],
            slot=plain_line(given.slot)[:MAX_ENTRY],
            refused=reason,
        )

    def _check(self, given: _Given) -> Rearrangement:
        if given.op not in KINDS:
            raise _Refusal("there is no such operation")
        if given.op == "new_slot":
            return self._new_slot(given)
        entries = self._entries(given)
        match given.op:
            case "merge":
                return self._merge(given, entries)
            case "rewrite":
                return self._rewrite(given, entries)
            case "move":
                return self._move(given, entries)
        return self._made("hide", entries)

    def _entries(self, given: _Given) -> list[Offered]:
        found = []
        for name in given.handles:
            entry = self.call.handle(name)
            if entry is None:
                raise _Refusal("it names an entry that was not offered")
            if entry.item.id in self.touched:
                raise _Refusal("an entry of it is in another operation already")
            found.append(entry)
        if not found:
            raise _Refusal("it names no entry")
        return found

    def _made(
        self, op: Kind, entries: Sequence[Offered] = (), text: str = "", slot: str = ""
    ) -> Rearrangement:
        ids = tuple(entry.item.id for entry in entries)
        return Rearrangement(op, self.call.category.name, ids, text, slot)

    def _merge(self, given: _Given, entries: Sequence[Offered]) -> Rearrangement:
        if len(entries) < 2:
            raise _Refusal("a merge needs two entries")
        if len({entry.item.subject.casefold() for entry in entries}) > 1:
            raise _Refusal("its entries are about different people")
        dated = {(one.start, one.end) if (one := entry.item.occurred) else None for entry in entries}
        required = [plain_line(e.item.text) if len(dated) == 1 else e.text for e in entries]
        text = self._text(given.text, entries, required)
        return self._made("merge", entries, text, self._slot(given.slot) or entries[0].item.slot)

    def _rewrite(self, given: _Given, entries: Sequence[Offered]) -> Rearrangement:
        if len(entries) > 1:
            raise _Refusal("a rewrite is of one entry: merge several")
        [entry] = entries
        text = self._text(given.text, entries, [plain_line(entry.item.text)])
        if text == plain_line(entry.item.text):
            raise _Refusal("it changes nothing")
        return self._made("rewrite", entries, text, self._slot(given.slot) or entry.item.slot)

    def _move(self, given: _Given, entries: Sequence[Offered]) -> Rearrangement:
        slot = self._slot(given.slot)
        moved = [entry for entry in entries if entry.item.slot != slot]
        if not slot or not moved:
            raise _Refusal("it changes nothing")
        return self._made("move", moved, slot=slot)

    def _new_slot(self, given: _Given) -> Rearrangement:
        if self.call.settings.profile_strict:
            raise _Refusal("only the configured slots may be used")
        if sum(one.op == "new_slot" for one in self.done) >= MAX_NEW_SLOTS:
            raise _Refusal(f"there may be {MAX_NEW_SLOTS} new slots at most")
        try:
            name = entered_slot(given.slot)
        except InvalidInput as error:
            raise _Refusal("its name cannot be a heading") from error
        if name.casefold() in self.slots:
            raise _Refusal("the slot is there already")
        _check_words(name)
        text = plain_line(given.text)[:MAX_ENTRY]
        _check_words(text)
        self.slots[name.casefold()] = name
        return self._made("new_slot", text=text, slot=name)

    def _slot(self, name: str) -> str:
        found = self.slots.get(name.casefold())
        if name and found is None:
            raise _Refusal("there is no such slot, and no new_slot that makes it")
        return found or ""

    def _text(self, given: str, entries: Sequence[Offered], required: Sequence[str]) -> str:
        text = _MARKER.sub("", plain_line(given))
        if not text:
            raise _Refusal("it has no text")
        if len(text) > min(MAX_ENTRY, sum(len(entry.text) for entry in entries)):
            raise _Refusal("its text is longer than what it replaces")
        _check_words(text)
        subjects = [entry.item.subject for entry in entries]
        reason = lost(required, text, subjects) or invented([*(e.text for e in entries), *subjects], text)
        if reason:
            raise _Refusal(reason)
        return text

    def leave_out_empty_slots(self) -> None:
        used = {one.slot for one in self.done if one.op != "new_slot"}
        for one in [one for one in self.done if one.op == "new_slot" and one.slot not in used]:
            self.done.remove(one)
            self.refused.append(replace(one, refused="no entry is put into it"))

    def summary(self, given: str) -> str:
        """The summary line, "" where none was given or it is refused."""
        text = _MARKER.sub("", plain_line(given))
        if not text:
            return ""
        known = [*(entry.text for entry in self.call.offered), *(text for _, text in self.call.fixed)]
        subjects = [entry.item.subject for entry in self.call.offered]
        try:
            if len(text) > MAX_SUMMARY:
                raise _Refusal("it is too long")
            _check_words(text)
            reason = invented([*known, *subjects, self.call.category.name], text)
            if reason:
                raise _Refusal(reason)
        except _Refusal as error:
            topic = self.call.category.name
            self.refused.append(Rearrangement("summary", topic, text=text[:MAX_SUMMARY], refused=str(error)))
            return ""
        return text


def _check_words(text: str) -> None:
    if has_secret(text):
        raise _Refusal("it holds a secret")
    if orders_in(text) or gives_orders(text):
        raise _Refusal("it gives orders to a model")
