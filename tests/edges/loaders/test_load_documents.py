from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from memu_like.errors import LoadError
from memu_like.models import Modality


def pdf(*pages: str, title: str = "", password: str = "") -> bytes:
    """A PDF with a line of text on each page; an empty line makes a page without text."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(width=200, height=200)
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_markdown_keeps_text_and_bytes(read: Any) -> None:
    data = "\ufeff# Garden *notes* ##\r\n\r\nPlant in May.\r\n".encode()
    (loaded,) = read(data, "dir/garden.md")
    assert (loaded.modality, loaded.format, loaded.suffix) == (Modality.DOCUMENT, "markdown", ".md")
    assert (loaded.title, loaded.body) == ("Garden *notes*", "# Garden *notes* ##\n\nPlant in May.\n")
    assert loaded.data == data
    assert loaded.messages == ()


def test_front_matter_gives_title_and_date(read: Any) -> None:
    (loaded,) = read("---\ntitle: 'Trip: Rome'\ndate: 2024-03-05\n---\n# Day one\n", "x.md")
    assert (loaded.title, loaded.created_at) == ("Trip: Rome", datetime(2024, 3, 5, tzinfo=UTC))


def test_a_date_in_front_matter_that_cannot_be_is_refused(read: Any) -> None:
    with pytest.raises(LoadError, match=r"^x\.md: front matter: time '2024-13-05'"):
        read("---\ndate: 2024-13-05\n---\nx", "x.md")
    assert read("---\ndate: some day\n---\nx", "x.md")[0].created_at is None


def test_a_heading_inside_code_is_no_title(read: Any) -> None:
    assert read("```sh\n# comment\n```\n## Real\n", "x.md")[0].title == "Real"
    assert read("```sh\n# comment\n", "notes.md")[0].title == "notes"


def test_text_takes_its_title_from_the_file(read: Any) -> None:
    (loaded,) = read("Plant in May.", "dir/garden notes.txt")
    assert (loaded.format, loaded.title, loaded.suffix) == ("text", "garden notes", ".txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(read: Any, encoding: str) -> None:
    assert read("上周五 in Rome".encode(encoding), "x.txt")[0].body == "上周五 in Rome"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "x.txt: is empty"),
        (b" \n\t\n", "x.txt: is empty"),
        (b"\xef\xbb\xbf", "x.txt: is empty"),
        (b"abc\xe9def", "x.txt: is not UTF-8 text at byte 3; save it as UTF-8"),
        (b"\xff\xfea", "x.txt: is not UTF-16-LE text at byte 2"),
        (b"\xff\xfe\x00\xd8a\x00", "x.txt: is not UTF-16-LE text at byte 2"),
        (b"one\ntwo\x00", "x.txt:2: holds a NUL character"),
    ],
)
def test_bytes_that_are_no_text_are_refused(read: Any, data: bytes, error: str) -> None:
    with pytest.raises(LoadError) as caught:
        read(data, "x.txt")
    assert str(caught.value).startswith(error)


PAGE = """<!DOCTYPE html><html><head><title>Garden &amp; home</title>
<style>p { color: red }</style><script>if (a < b) { document.write("<p>no</p>") }</script></head>
<body><nav><a href="/">Menu</a><nav>inner</nav></nav><!-- hidden <p>no</p> -->
<h1>Tomatoes</h1><p>Plant them in <a href="x>y">May</a>,
or in&nbsp;June.</p><h2>Tools</h2><ul><li>spade<li>rake</li></ul>
<table><tr><th>When</th><th>What</th></tr><tr><td>May</td><td>plant</td></tr></table>
<pre>a
  b</pre><template>no</template>1 &lt; 2<br>end</body></html>"""


def test_html_is_read_as_its_visible_blocks(read: Any) -> None:
    (loaded,) = read(PAGE, "page")
    assert (loaded.format, loaded.title, loaded.suffix) == ("html", "Garden & home", ".html")
    assert loaded.body == (
        "# Tomatoes\n\nPlant them in May, or in June.\n\n## Tools\n\n- spade\n- rake\n\n"
        "When | What\nMay | plant\n\na\n  b\n\n1 < 2\nend"
    )
    assert loaded.data == PAGE.encode()


@pytest.mark.parametrize(
    ("markup", "body"),
    [
        ("<p>a<b>b</p", "ab"),
        ("a < b and <3", "a < b and <3"),
        ("<p title='x>y", "y"),
        ("x<![endif]>y<![foo[z", "xy"),
        ("x<!-- never closed <p>y", "x"),
        ("x<script>y", "x"),
        ("x<nav>y", "xy"),
        ("<title>x", "x"),
        ("&#0;&#xD800;&bogus;", "\ufffd\ufffd&bogus;"),
        ("</p></div></ul>x", "x"),
        ("<H1>A</H1><P>b", "# A\n\nb"),
    ],
)
def test_broken_html_is_read_as_it_stands(read: Any, markup: str, body: str) -> None:
    assert read(markup, "x.html")[0].body == body


@pytest.mark.parametrize("markup", ["<p></p>", "<!-- x", "<title>x</title>", "<script>x", "<p title=x"])
def test_html_without_visible_text_is_refused(read: Any, markup: str) -> None:
    with pytest.raises(LoadError, match=r"^x\.html: holds no text"):
        read(markup, "x.html")


@pytest.mark.parametrize("piece", ["<nav>", "<nav ", "<!--", "<title>", "<a '>' ", "<", '<a "', "&", "</"])
def test_hostile_html_takes_no_more_than_linear_time(read: Any, piece: str) -> None:
    html = piece * 60_000 + '"'
    started = time.perf_counter()
    assert read(f"x{html}", "x.html")[0].body.startswith("x")
    assert time.perf_counter() - started < 30  # quadratic time would be minutes


def test_html_without_title_takes_its_first_heading(read: Any) -> None:
    assert read("<h2>Tools</h2>x", "x.html")[0].title == "Tools"
    assert read("<p>x", "dir/page.html")[0].title == "page"


def test_pdf_pages_are_apart_by_a_blank_line(read: Any) -> None:
    data = pdf("Plant in May.", "", "Rest in June.", title="Garden")
    for name in ("x.pdf", "no name"):
        (loaded,) = read(data, name)
        assert (loaded.format, loaded.title, loaded.suffix) == ("pdf", "Garden", ".pdf")
        assert loaded.body == "Plant in May.\n\nRest in June."
        assert loaded.data == data


def test_a_pdf_without_title_takes_the_files(read: Any) -> None:
    assert read(pdf("x"), "dir/garden.pdf")[0].title == "garden"


def test_a_pdf_behind_a_password_says_so(read: Any) -> None:
    with pytest.raises(LoadError, match=r"^x\.pdf: is encrypted; save a copy without a password"):
        read(pdf("x", password="secret"), "x.pdf")


def test_a_pdf_of_pictures_says_so(read: Any) -> None:
    with pytest.raises(LoadError, match=r"^x\.pdf: has no text in it, only pictures"):
        read(pdf("", ""), "x.pdf")


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnothing", b"not a pdf", b"%PDF-"])
def test_a_broken_pdf_says_so(read: Any, data: bytes) -> None:
    with pytest.raises(LoadError, match=r"^x\.pdf: is not a PDF that can be read"):
        read(data, "x.pdf")


def test_a_pdf_cut_or_spoiled_anywhere_raises_nothing_else(read: Any) -> None:
    data = pdf("Plant in May.")
    for at in range(0, len(data), 7):
        for spoiled in (data[:at], data[:at] + bytes([data[at] ^ 0x15]) + data[at + 1 :]):
            with contextlib.suppress(LoadError):
                read(spoiled, "x.pdf")


def test_reading_other_formats_does_not_import_pypdf() -> None:
    code = "import sys, memu_like.edges.loaders; sys.exit('pypdf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
