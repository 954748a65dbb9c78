"""The visible text of an HTML page, with its blocks as lines.

A small scanner rather than a parser: it never fails, whatever the markup, and its time grows with the
size of the page only (the standard parser's does not on every Python this runs on).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

_TAG_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]*)")
_ATTRIBUTES = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*+>""")
_BREAKS = re.compile(r"(?:\0 *)+")
_TITLE = re.compile(r"</title\b", re.IGNORECASE)

# Where a line ends unless it just did. The page has no NUL: a file with one is refused as no text.
_BREAK = "\0"
_RAW = frozenset(("script", "style"))
_DROPPED = frozenset(("nav", "template", "noscript", "svg", "iframe", "object"))
_HEADINGS = {f"h{level}": f"{'#' * level} " for level in range(1, 7)}
_PARAGRAPHS = frozenset(
    "p ul ol dl table pre blockquote section article header footer main aside figure form hr body".split()
)
_LINES = frozenset("div tr dt dd li option figcaption caption address summary details legend".split())


@dataclass(slots=True)
class _Page:
    """What was gathered so far. `unclosed` are the elements known to have no end tag further on."""

    title: str | None = None
    pieces: list[str] = field(default_factory=list)
    unclosed: set[str] = field(default_factory=set)
    quotes_broken: bool = False
    verbatim: int = 0


def html_to_text(source: str) -> tuple[str, str | None]:
    """The text and the title (of the page, else its first heading). Broken markup is read as it stands."""
    page, position = _Page(), 0
    while position < len(source):
        opening = source.find("<", position)
        end = opening if opening >= 0 else len(source)
        _text(page, source[position:end])
        position = _markup(page, source, opening) if opening >= 0 else end
    text = _tidy("".join(page.pieces))
    heading = re.search(r"^#+ (.+)$", text, re.MULTILINE)
    return text, page.title or (heading[1] if heading else None)


def _text(page: _Page, text: str) -> None:
    if text:
        text = html.unescape(text)
        page.pieces.append(text if page.verbatim else re.sub(r"\s+", " ", text))


def _markup(page: _Page, source: str, start: int) -> int:
    """Take in the markup that begins at `start`; the position after it."""
    if source.startswith("<!--", start):
        return _after(source, "-->", start + 4)
    name = _TAG_NAME.match(source, start)
    if name is None:
        if source.startswith(("<!", "<?", "</"), start):
            return _after(source, ">", start)
        _text(page, "<")
        return start + 1
    end = _tag_end(page, source, name.end())
    return _element(page, source, name[1].lower(), source[start + 1] == "/", end)


def _after(source: str, mark: str, start: int) -> int:
    found = source.find(mark, start)
    return len(source) if found < 0 else found + len(mark)


def _tag_end(page: _Page, source: str, start: int) -> int:
    """Where the tag ends, a `>` in quotes aside; after one unclosed quote, quotes are no longer trusted."""
    if not page.quotes_broken:
        if match := _ATTRIBUTES.match(source, start):
            return match.end()
        page.quotes_broken = True
    return _after(source, ">", start)


def _element(page: _Page, source: str, name: str, closing: bool, end: int) -> int:
    if not closing and name in _RAW | _DROPPED:
        return _skip(page, source, name, end)
    if not closing and name == "title":
        return _read_title(page, source, end)
    if name == "pre":
        page.verbatim = max(0, page.verbatim + (-1 if closing else 1))
    if name in _HEADINGS:
        page.pieces.append("\n\n" if closing else "\n\n" + _HEADINGS[name])
    elif name in _PARAGRAPHS:
        page.pieces.append("\n\n")
    elif name == "br":
        page.pieces.append("\n")
    elif name in _LINES:
        page.pieces.append(_BREAK + "- " if name == "li" and not closing else _BREAK)
    elif name in ("td", "th") and closing:
        page.pieces.append(" | ")
    return end


def _skip(page: _Page, source: str, name: str, start: int) -> int:
    """The position after the element's own end tag. Without one a script swallows the rest, a nav nothing."""
    depth = 1
    if name not in page.unclosed:
        for tag in re.compile(rf"<(/?){name}\b[^>]*>?", re.IGNORECASE).finditer(source, start):
            depth += -1 if tag[1] else (name not in _RAW)
            if depth == 0:
                return tag.end()
        page.unclosed.add(name)
    return len(source) if name in _RAW else start


def _read_title(page: _Page, source: str, start: int) -> int:
    found = None if "title" in page.unclosed else _TITLE.search(source, start)
    if found is None:
        page.unclosed.add("title")
        return start
    title = " ".join(html.unescape(source[start : found.start()]).split())
    page.title = page.title or title or None
    return _after(source, ">", found.start())


def _tidy(text: str) -> str:
    text = _BREAKS.sub("\n", text)
    lines = [line.rstrip(" |") if line.rstrip().endswith("|") else line.rstrip() for line in text.split("\n")]
    lines = [line[1:] if line.startswith(" ") and not line.startswith("  ") else line for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
