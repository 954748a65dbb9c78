from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from memu_like.models import Item, ItemType, Occurred, Origin, Status
from memu_like.pure.markdown import heading_name, parse, unescape
from memu_like.pure.rendering import (
    bullet_line,
    bullet_text,
    entry_date,
    fingerprint,
    heading_text,
    neutral_line,
    plain_line,
    scalar,
)

SAID = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
HOSTILE = st.one_of(
    st.text(),
    st.text("#-*+>`~|[]()!<>^%$\\&;:=_ab1 \t\n\r\u2028\0.", max_size=12),
    st.lists(
        st.sampled_from(
            [
                *("# ", "- ", "> ", "```", "---", "| a |", " ^abc123", "<!--", "-->", "[[a]]", "![x](u)"),
                *("[x]: u", "<b>", "<http://a.b>", "%%", "$$", "\n", "\r\n", "&lt;", "\\", "1. ", "[ ] "),
                *("[^1]", "word", " "),
            ]
        ),
        max_size=6,
    ).map("".join),
)


def item(text="I have a guinea pig.", **fields):
    values = {
        "id": "k3f9q2",
        "rev": 1,
        "status": Status.ACTIVE,
        "type": ItemType.PROFILE,
        "subject": "Caroline",
        "categories": ("interest",),
        "slot": "pets",
        "run": "r1",
        "created_at": SAID,
        "origin": Origin.EXTRACTED,
    }
    return Item(text=text, **{**values, **fields})


def occurred(grain, start, end):
    return Occurred(datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC), grain, "as written")


@pytest.mark.parametrize(
    ("text", "subject", "shown"),
    [
        ("Running helps Melanie's mood.", "Melanie", "Running helps Melanie's mood."),
        ("Running helps.", "Melanie", "Melanie: Running helps."),
        ("An annual check is due.", "Ann", "Ann: An annual check is due."),
        ("昨天小雨搬家了。", "小雨", "昨天小雨搬家了。"),
    ],
)
def test_what_a_model_worded_has_no_name_before_it_that_it_says_itself(text, subject, shown):
    assert bullet_text(item(text, subject=subject, model="m")) == shown


def test_a_quote_has_its_speaker_before_it_though_it_names_them():
    assert bullet_text(item("My friends call me Mel Melanie.", subject="Melanie")).startswith("Melanie: My")


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (occurred("minute", (2023, 5, 7, 14, 5), (2023, 5, 7, 14, 6)), "7 May 2023, 14:05"),
        (occurred("hour", (2023, 5, 7, 9), (2023, 5, 7, 10)), "7 May 2023, 09:00"),
        (occurred("part", (2023, 5, 7, 17), (2023, 5, 8)), "evening of 7 May 2023"),
        (occurred("day", (2023, 5, 7), (2023, 5, 8)), "7 May 2023"),
        (occurred("weekend", (2023, 5, 6), (2023, 5, 8)), "weekend of 6 May 2023"),
        (occurred("week", (2023, 5, 1), (2023, 5, 8)), "week of 1 May 2023"),
        (occurred("month", (2023, 6, 1), (2023, 7, 1)), "June 2023"),
        (occurred("season", (2023, 6, 1), (2023, 9, 1)), "summer 2023"),
        (occurred("season", (2022, 12, 1), (2023, 3, 1)), "winter 2022/23"),
        (occurred("year", (2022, 1, 1), (2023, 1, 1)), "2022"),
        (occurred("decade", (1990, 1, 1), (2000, 1, 1)), "1990s"),
        (occurred("span", (2023, 5, 1), (2023, 5, 4)), "1 May 2023 to 3 May 2023"),
        (occurred("span", (2023, 5, 1), (2023, 5, 2)), "1 May 2023"),
        (occurred("year", (1, 1, 1), (2, 1, 1)), "1"),
    ],
)
def test_a_date_is_shown_at_its_grain(when, words):
    assert entry_date(when, SAID) == words


def test_where_no_date_is_stated_the_message_is_dated():
    assert entry_date(None, SAID) == "said 8 May 2023"
    assert entry_date(None, None) == ""


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "I have a guinea pig."),
        ({"mentioned_at": SAID}, "I have a guinea pig. (said 8 May 2023)"),
        ({"occurred": occurred("month", (2023, 6, 1), (2023, 7, 1))}, "I have a guinea pig. (June 2023)"),
        (
            {"text": "In June 2023 I moved.", "occurred": occurred("month", (2023, 6, 1), (2023, 7, 1))},
            "In June 2023 I moved.",
        ),
        ({"subject": "Melanie"}, "Melanie: I have a guinea pig."),
        ({"subject": "Melanie", "text": "Melanie paints."}, "Melanie paints."),
        ({"subject": "CAROLINE"}, "I have a guinea pig."),
        ({"subject": ""}, "I have a guinea pig."),
        ({"subject": "# x\n- y"}, "\\# x - y: I have a guinea pig."),
        ({"origin": Origin.HUMAN, "subject": "Melanie", "mentioned_at": SAID}, "I have a guinea pig."),
        ({"origin": Origin.HUMAN, "text": "See [[Oscar]] <b>here</b>\nnow"}, "See [[Oscar]] <b>here</b> now"),
        ({"origin": Origin.HUMAN, "text": "# x <!-- y %% ^abc1"}, "\\# x \\<!-- y \\%\\% \\^abc1"),
    ],
)
def test_a_bullet_says_who_and_when(fields, text):
    assert bullet_text(item(**fields), frozenset({"Caroline"})) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("# heading", "\\# heading"),
        ("- item", "\\- item"),
        ("-5 degrees", "-5 degrees"),
        ("> quote", "\\> quote"),
        ("```code", "\\```code"),
        ("---", "\\---"),
        ("| a | b |", "\\| a | b |"),
        ("1. first", "1\\. first"),
        ("[x] done", "\\[x] done"),
        ("[laughs] I did", "[laughs] I did"),
        ("see ^abc123", "see \\^abc123"),
        ("2^10", "2^10"),
        ("<!-- hidden -->", "\\<!-- hidden -->"),
        ("I <3 it", "I <3 it"),
        ("a <script> tag", "a \\<script> tag"),
        ("[[Secret]]", "\\[\\[Secret]]"),
        ("![pixel](http://a.b/c.png)", "\\![pixel\\](http://a.b/c.png)"),
        ("%%hidden%%", "\\%\\%hidden\\%\\%"),
        ("$$x$$", "\\$\\$x\\$\\$"),
        ("100% sure, $5", "100% sure, $5"),
        ("C:\\#dir\\sub", "C:\\\\#dir\\sub"),
        ("&lt;b&gt; & co", "\\&lt;b\\&gt; & co"),
        ("*wow*, so_good", "*wow*, so_good"),
        ("half \ud800 a pair\0", "half \ufffd a pair"),
    ],
)
def test_hostile_text_is_escaped_and_harmless_text_is_left_alone(text, written):
    assert neutral_line(text) == written


@given(HOSTILE)
def test_a_neutral_line_shows_the_same_characters(text):
    assert unescape(neutral_line(text)) == plain_line(text)


@given(HOSTILE, st.sampled_from(list(Origin)), st.sampled_from(["Caroline", "- x", "^abc1"]))
@example("```\n## s\n- x ^aaaa1", Origin.EXTRACTED, "Caroline")
def test_a_bullet_reads_back_as_one_bullet_with_its_id_between_its_neighbours(text, origin, subject):
    written = bullet_text(item(text, origin=origin, subject=subject), frozenset({"Caroline"}))
    document = parse(f"## s\n- a ^aaaa1\n{bullet_line('k3f9q2', written)}\n- b ^bbbb1\n\n## t\n- c ^cccc1\n")
    assert document.problem is None
    assert [
        (section.slot, [(b.id, b.text) for b in section.bullets]) for section in document.sections[1:]
    ] == [
        ("s", [("aaaa1", "a"), ("k3f9q2", written), ("bbbb1", "b")]),
        ("t", [("cccc1", "c")]),
    ]


@given(HOSTILE)
@example("[a]: javascript:x")
@example("![x][y]\n[y]: z")
def test_a_markdown_reader_sees_a_paragraph_without_html_links_or_images(text):
    for line in (bullet_line("k3f9q2", neutral_line(text)), neutral_line(text) or "x"):
        tokens = MarkdownIt("commonmark").parse(f"{line}\n")
        blocks = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
        assert blocks <= {"bullet_list", "list_item", "paragraph", "inline"}
        inline = {child.type for token in tokens for child in token.children or ()}
        assert not inline & {"html_inline", "link_open", "image"}


@given(HOSTILE)
def test_a_heading_reads_back_as_its_name(text):
    assert heading_name(f"## {heading_text(text)}") == plain_line(text)
    assert not plain_line(text) or parse(f"## {heading_text(text)}\n").sections[1].slot == plain_line(text)


@given(HOSTILE)
@example("true")
@example("2023")
@example("a: b # c")
def test_a_front_matter_value_reads_back(text):
    assert parse(f"---\nkey: {scalar(text)}\n---\n").get("key") == plain_line(text)


@pytest.mark.parametrize(
    ("value", "written"), [("Hobbies, tastes", "Hobbies, tastes"), ("no", '"no"'), ("a: b", '"a: b"')]
)
def test_a_front_matter_value_is_quoted_only_where_yaml_needs_it(value, written):
    assert scalar(value) == written


def test_a_fingerprint_tells_texts_apart_to_the_byte():
    assert fingerprint("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert len({fingerprint(text) for text in ("a\n", "a\r\n", "a", "\ufeffa\n", "\ud800")}) == 5


def test_the_day_shown_is_the_last_one_within_a_span():
    when = Occurred(SAID, SAID + timedelta(days=2), "span", "")
    assert entry_date(when, None) == "8 May 2023 to 10 May 2023"
