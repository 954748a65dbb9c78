"""Documents: markdown, plain text, HTML, PDF. The bytes are kept as given; `body` is their text."""

from __future__ import annotations

import io
import logging
import re
import struct
import zlib
from datetime import datetime
from typing import TYPE_CHECKING

from ...errors import LoadError, MissingExtra
from ...models import Loaded, Modality
from .base import Reading
from .html_text import html_to_text
from .text import one_line, stem

if TYPE_CHECKING:
    from pypdf import PdfReader

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<fields>.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^(?P<key>title|date|created|created_at):[ \t]*(?P<value>\S.*)$", re.M | re.I)
_FENCE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,}).*?(?:^[ ]{0,3}\1|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)
_DATE_VALUE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")


def load_markdown(text: str, data: bytes, reading: Reading) -> Loaded:
    """The title is the front matter's, else the first heading's, else the file's; the date likewise."""
    front = _FRONT_MATTER.match(text)
    fields = {}
    if front:
        fields = {m["key"].lower(): m["value"].strip(" \t\"'") for m in _FIELD.finditer(front["fields"])}
    heading = None if fields.get("title") else _HEADING.search(_FENCE.sub("", text))
    title = fields.get("title") or (heading[1].rstrip("# \t") if heading else None)
    date = fields.get("created_at") or fields.get("created") or fields.get("date") or ""
    return Loaded(
        modality=Modality.DOCUMENT,
        source=reading.name,
        format="markdown",
        title=_title(title, reading),
        created_at=reading.time(date, f"{reading.name}: front matter")
        if _DATE_VALUE.fullmatch(date)
        else None,
        body=text,
        data=data,
        suffix=".md",
    )


def load_text(text: str, data: bytes, reading: Reading) -> Loaded:
    return _document(reading, "text", text, data, None, ".txt")


def load_html(text: str, data: bytes, reading: Reading) -> Loaded:
    body, title = html_to_text(text)
    return _document(reading, "html", body, data, title, ".html")


def load_pdf(data: bytes, reading: Reading) -> Loaded:
    """The text of each page, pages apart by a blank line. Needs the `pdf` extra (pypdf).

    A character that the file's fonts do not map becomes U+FFFD. LoadError for a file that is broken,
    encrypted or holds pictures only.
    """
    try:
        import pypdf
    except ImportError as error:
        raise MissingExtra("reading PDF files", "pdf") from error
    _quiet(pypdf.__name__)
    # pypdf meets broken files with whatever the broken value led to; these are what it was seen to raise.
    broken = (
        pypdf.errors.PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError, OSError,
        EOFError, RuntimeError, TypeError, ValueError, struct.error, zlib.error,
    )  # fmt: skip
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and not reader.decrypt("")
        pages = [] if locked else [page.extract_text() for page in reader.pages]
        title = None if locked else _pdf_title(reader)
    except pypdf.errors.DependencyError as error:
        raise LoadError(reading.name, "is encrypted; save a copy without a password") from error
    except broken as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise LoadError(reading.name, f"is not a PDF that can be read ({reason})") from error
    if locked:
        raise LoadError(reading.name, "is encrypted; save a copy without a password")
    body = "\n\n".join(text for page in pages if (text := _clean(page).strip()))
    if not body:
        raise LoadError(reading.name, "has no text in it, only pictures; run it through OCR first")
    return _document(reading, "pdf", body, data, title, ".pdf")


def _quiet(logger: str) -> None:
    """pypdf logs what it repairs; without a handler Python would print that to the terminal."""
    log = logging.getLogger(logger)
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _pdf_title(reader: PdfReader) -> str | None:
    title = reader.metadata.title if reader.metadata else None
    return _clean(title) if isinstance(title, str) else None


def _clean(text: str) -> str:
    """Fonts without a character map come out as NULs or halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _document(
    reading: Reading,
    format: str,
    body: str,
    data: bytes,
    title: str | None,
    suffix: str,
    created_at: datetime | None = None,
) -> Loaded:
    return Loaded(
        modality=Modality.DOCUMENT,
        source=reading.name,
        format=format,
        title=_title(title, reading),
        created_at=created_at,
        body=body,
        data=data,
        suffix=suffix,
    )


def _title(title: str | None, reading: Reading) -> str | None:
    return (one_line(title, reading.name) if title else None) or stem(reading.name)
