"""What a person does to a category file in an editor: from its bytes to other bytes.

A hand takes the file's text, a number that picks the place, and a word that stands nowhere yet. It returns
the new bytes, or None where there is nothing for it to do. Nothing here knows memu_like's own parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Hand = Callable[[str, int, str], "bytes | None"]

IDS = re.compile(r"(?:[ \t]+\^[^\s^]+)+[ \t]*$")
"""The block ids that end a line: an item's, and those that a person chose."""
ITEM_ID = re.compile(r"\^([a-z0-9]{4,12})")
BULLET = re.compile(r"[-*+] .*\S")
FENCE = re.compile(r"(```|~~~)")


def lines_of(text: str) -> list[str]:
    """The lines with their ends."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def bare(line: str) -> str:
    """A line without its end and the item ids at its end; a block id that a person chose is theirs."""
    line = line.rstrip("\r\n")
    found = IDS.search(line)
    if found is None:
        return line
    own = [word for word in found.group().split() if not ITEM_ID.fullmatch(word)]
    return " ".join([line[: found.start()], *own])


def id_of(line: str) -> str | None:
    found = IDS.search(line.rstrip("\r\n"))
    ids = [word[1:] for word in found.group().split() if ITEM_ID.fullmatch(word)] if found else []
    return ids[-1] if ids else None


def front_length(lines: list[str]) -> int:
    """How many lines the front matter takes."""
    if not lines or lines[0].lstrip("\ufeff").rstrip() != "---":
        return 0
    return next((n + 1 for n, line in enumerate(lines) if n and line.rstrip() == "---"), 0)


def _bullets(lines: list[str]) -> list[int]:
    """Where top-level bullets with an id stand, outside of code."""
    found, fenced = [], False
    for number, line in enumerate(lines):
        fenced ^= bool(FENCE.match(line))
        if not fenced and BULLET.match(line) and id_of(line):
            found.append(number)
    return found


def _headings(lines: list[str]) -> list[int]:
    start = front_length(lines)
    return [n for n, line in enumerate(lines) if n >= start and line.startswith("## ")]


def _joined(lines: list[str]) -> bytes:
    return "".join(lines).encode()


def _end(lines: list[str]) -> str:
    return "\r\n" if any(line.endswith("\r\n") for line in lines) else "\n"


def _whole(lines: list[str]) -> list[str]:
    """With an end on the last line, so that something can follow it."""
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += _end(lines)
    return lines


def _at_bullet(change: Callable[[list[str], int, str], None]) -> Hand:
    def hand(text: str, pick: int, word: str) -> bytes | None:
        lines = _whole(lines_of(text))
        places = _bullets(lines)
        if not places:
            return None
        change(lines, places[pick % len(places)], word)
        return _joined(lines)

    return hand


def _at_heading(change: Callable[[list[str], int, str], None]) -> Hand:
    def hand(text: str, pick: int, word: str) -> bytes | None:
        lines = _whole(lines_of(text))
        places = _headings(lines)
        if not places:
            return None
        change(lines, places[pick % len(places)], word)
        return _joined(lines)

    return hand


# -- bullets


def _change(lines: list[str], at: int, word: str) -> None:
    end = lines[at][len(lines[at].rstrip("\r\n")) :]
    lines[at] = f"{bare(lines[at])}, and {word} too ^{id_of(lines[at])}{end}"


def _reword(lines: list[str], at: int, word: str) -> None:
    lines[at] = f"- No, it is *{word}*, as [[{word}]] says. ^{id_of(lines[at])}{_end(lines)}"


def _type_on(lines: list[str], at: int, word: str) -> None:
    end = lines[at][len(lines[at].rstrip("\r\n")) :]
    lines[at] = f"{lines[at].rstrip()} and {word}{end}"


def _lose_id(lines: list[str], at: int, word: str) -> None:
    lines[at] = f"{bare(lines[at])} {word}{_end(lines)}"


def _delete(lines: list[str], at: int, word: str) -> None:
    del lines[at]


def _add(lines: list[str], at: int, word: str) -> None:
    lines.insert(at + 1, f"- Keeps a {word} in the cellar.{_end(lines)}")


def _add_above(lines: list[str], at: int, word: str) -> None:
    lines.insert(at, f"* Sings to the {word} on Sundays. #{word}{_end(lines)}")


def _add_with_unknown_id(lines: list[str], at: int, word: str) -> None:
    lines.insert(at + 1, f"- Owns the {word} of a neighbour. ^{word[:12]}{_end(lines)}")


def _add_with_own_block_id(lines: list[str], at: int, word: str) -> None:
    lines.insert(at + 1, f"- Painted {word} blue. ^My-{word}{_end(lines)}")


def _copy(lines: list[str], at: int, word: str) -> None:
    lines.append(lines[at])


def _copy_below(lines: list[str], at: int, word: str) -> None:
    lines.insert(at + 1, f"{bare(lines[at])} Or {word}? ^{id_of(lines[at])}{_end(lines)}")


def _move(lines: list[str], at: int, word: str) -> None:
    lines.append(lines.pop(at))


def _nest(lines: list[str], at: int, word: str) -> None:
    lines[at + 1 : at + 1] = [f"  - beneath it {word}{_end(lines)}", f"    with more of {word}{_end(lines)}"]


# -- what stands between


def _prose(lines: list[str], at: int, word: str) -> None:
    end = _end(lines)
    lines[at + 1 : at + 1] = [end, f"Some words about {word}, with a | and a - in them.{end}", end]


def _glued(lines: list[str], at: int, word: str) -> None:
    lines.insert(at + 1, f"  and it goes on with {word} here{_end(lines)}")


def _table(lines: list[str], at: int, word: str) -> None:
    end = _end(lines)
    lines[at + 1 : at + 1] = [end, f"| {word} | is |{end}", f"|---|---|{end}", f"| a | b |{end}", end]


def _fence(lines: list[str], at: int, word: str) -> None:
    end = _end(lines)
    lines[at + 1 : at + 1] = [end, f"```{end}", f"- not a bullet {word} ^zzzz{end}", f"```{end}", end]


def _task(lines: list[str], at: int, word: str) -> None:
    lines.insert(at + 1, f"- [ ] buy {word}{_end(lines)}")


# -- headings


def _rename_heading(lines: list[str], at: int, word: str) -> None:
    lines[at] = f"## {word} things{_end(lines)}"


def _delete_heading(lines: list[str], at: int, word: str) -> None:
    del lines[at]


def _new_heading(lines: list[str], at: int, word: str) -> None:
    end = _end(lines)
    lines[at:at] = [f"## my {word}{end}", f"- Mine is the {word}.{end}", end]


def _section_down(lines: list[str], at: int, word: str) -> None:
    stop = next((n for n in _headings(lines) if n > at), len(lines))
    section = lines[at:stop]
    del lines[at:stop]
    lines.extend(section)


def _delete_section(lines: list[str], at: int, word: str) -> None:
    stop = next((n for n in _headings(lines) if n > at), len(lines))
    del lines[at:stop]


# -- the file as a whole


def _summary(text: str, pick: int, word: str) -> bytes | None:
    lines = _whole(lines_of(text))
    title = next((n for n, line in enumerate(lines) if line.startswith("# ")), None)
    if title is None:
        return None
    lines[title + 1 : title + 1] = [_end(lines), f"In one word, {word}.{_end(lines)}"]
    return _joined(lines)


def _describe(text: str, pick: int, word: str) -> bytes | None:
    found = re.sub(r"(?m)^description: .*$", f"description: All about {word}", text, count=1)
    return None if found == text else found.encode()


def _swap_front(text: str, pick: int, word: str) -> bytes | None:
    lines = lines_of(text)
    length = front_length(lines)
    if length < 4:
        return None
    lines[1], lines[2] = lines[2], lines[1]
    return _joined(lines)


def _drop_front(text: str, pick: int, word: str) -> bytes | None:
    lines = lines_of(text)
    length = front_length(lines)
    return _joined(lines[length:]) if length else None


def _crlf(text: str, pick: int, word: str) -> bytes | None:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _lf(text: str, pick: int, word: str) -> bytes | None:
    return text.replace("\r\n", "\n").encode() if "\r\n" in text else None


def _bom(text: str, pick: int, word: str) -> bytes | None:
    return None if text.startswith("\ufeff") else f"\ufeff{text}".encode()


def _no_final_newline(text: str, pick: int, word: str) -> bytes | None:
    return text.rstrip("\r\n").encode() if text.endswith("\n") else None


BULLETS: dict[str, Hand] = {
    "change": _at_bullet(_change),
    "reword": _at_bullet(_reword),
    "type on after the id": _at_bullet(_type_on),
    "lose the id": _at_bullet(_lose_id),
    "delete": _at_bullet(_delete),
    "move": _at_bullet(_move),
    "more of a bullet": _at_bullet(_glued),
}
NEW_BULLETS: dict[str, Hand] = {
    "add": _at_bullet(_add),
    "add above": _at_bullet(_add_above),
    "add with an unknown id": _at_bullet(_add_with_unknown_id),
    "add with a block id": _at_bullet(_add_with_own_block_id),
    "copy": _at_bullet(_copy),
    "copy and change": _at_bullet(_copy_below),
}
BETWEEN: dict[str, Hand] = {
    "nest": _at_bullet(_nest),
    "prose": _at_bullet(_prose),
    "table": _at_bullet(_table),
    "code": _at_bullet(_fence),
    "task": _at_bullet(_task),
}
HEADINGS: dict[str, Hand] = {
    "rename heading": _at_heading(_rename_heading),
    "delete heading": _at_heading(_delete_heading),
    "new heading": _at_heading(_new_heading),
    "section down": _at_heading(_section_down),
    "delete section": _at_heading(_delete_section),
}
WHOLE: dict[str, Hand] = {
    "summary": _summary,
    "describe": _describe,
    "swap front matter": _swap_front,
    "drop front matter": _drop_front,
    "CRLF": _crlf,
    "LF": _lf,
    "BOM": _bom,
    "no final newline": _no_final_newline,
}
PLAIN: dict[str, Hand] = {**BULLETS, **NEW_BULLETS, **BETWEEN, **HEADINGS, **WHOLE}
"""What leaves a file that can be told."""


def _conflict(text: str, pick: int, word: str) -> bytes | None:
    ours = f"<<<<<<< HEAD\n- Ours is {word}.\n=======\n- Theirs is {word}.\n>>>>>>> theirs\n"
    return (text + ours).encode()


def _garbage(text: str, pick: int, word: str) -> bytes | None:
    data = text.encode()
    return data[: len(data) // 2] + b"\xff\xfe\x00" + data[len(data) // 2 :]


def _open_fence(text: str, pick: int, word: str) -> bytes | None:
    lines = lines_of(text)
    places = _headings(lines)
    lines.insert(places[pick % len(places)] if places else len(lines), f"```{word}\n")
    return _joined(lines)


def _open_front(text: str, pick: int, word: str) -> bytes | None:
    lines = lines_of(text)
    length = front_length(lines)
    if not length or not _headings(lines):
        return None
    del lines[length - 1]
    return _joined(lines)


def _cut(text: str, pick: int, word: str) -> bytes | None:
    """Half-saved within the front matter."""
    return text[: 3 + pick % 20].encode() if text.startswith("---") else None


def _blank(text: str, pick: int, word: str) -> bytes | None:
    return [b"", b"\n", b"\xef\xbb\xbf", b" \r\n\r\n"][pick % 4]


HOSTILE: dict[str, Hand] = {
    "conflict markers": _conflict,
    "garbage bytes": _garbage,
    "open fence": _open_fence,
    "open front matter": _open_front,
    "half-saved": _cut,
    "blank": _blank,
}
"""What leaves a file that nothing may be concluded from."""
