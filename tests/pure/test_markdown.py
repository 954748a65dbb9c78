import time
from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.lines import Line, Scanner, split_lines
from memu_like.pure.markdown import _bullets, bullet_of, entries, parse, render, with_ids

FILE = dedent(
    """\
    ---
    topic: interest
    description: "Hobbies: tastes and pastimes"
    updated_at: 2023-10-22T09:55:00Z
    cssclasses: wide
    # a comment
    aliases:
      - likes
    ---
    # interest

    Paints, and loves animals.

    ## pets
    - Has a guinea pig named Oscar (since August 2023). ^k3f9q2
    - Loves horses; rode with her dad as a child. ^p2m8aa

    Some prose. ^not-a-bullet

    ### deeper
    * a star bullet

    ## art ##
    1. a numbered line
    - [ ] buy brushes
    """
)

PIECES = [
    *("---", "===", "topic: x", "# t", "## s", "##", "### d", "- a ^abcd1", "* b ^Foreign-1", "+ c", "- "),
    *("- [x] d ^abcd2", "  - e ^abcd3", "\t- f", "  more ^abcd4", "\tmore", "lazy", "lazy ^abcd5", "-"),
    *("", "  ", "\t", "```", "~~~~", "- ```py", "  ```", "<!--", "-->", "%%", "<pre>", "</pre>", "> q"),
    *("| a | b |", "|---|---|", "1. n", "![x](y.png)", "[[link]]", "<<<<<<< HEAD", "=======", "* * *"),
    *("> - x", "^abcd6", "    code"),
]
FILES = st.lists(
    st.tuples(st.sampled_from(PIECES), st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "", "  \n"]))
).map(lambda lines: "".join(text + end for text, end in lines))
MUTATED = st.tuples(st.integers(0, len(FILE)), st.integers(0, len(FILE)), FILES).map(
    lambda cut: FILE[: min(cut[:2])] + cut[2] + FILE[max(cut[:2]) :]
)
TEXTS = st.one_of(st.text(), FILES, MUTATED, MUTATED.map(lambda text: "\ufeff" + text.replace("\n", "\r\n")))


def found(text, **more):
    """(slot, id, text) of every entry of a file."""
    document = parse(text, **more)
    return [(entry.slot, entry.id, entry.text) for entry in entries(document, "interest", "interest.md")]


@given(TEXTS)
def test_render_gives_back_every_text_byte_for_byte(text):
    assert render(parse(text)) == text


@given(TEXTS)
def test_every_line_stands_once_and_in_order_and_entries_name_their_line(text):
    document = parse(text)
    lines = list(document.lines)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    for entry in entries(document, "t", "p"):
        assert lines[entry.line - 1].text.lstrip()[0] in "-*+"
        assert all(any(word in line.text for line in lines[entry.line - 1 :]) for word in entry.text.split())


@given(TEXTS)
def test_an_id_given_to_a_bullet_is_read_back_and_changes_nothing_else(text):
    before = entries(parse(text), "t", "p")
    bare = [entry.line for entry in before if entry.id is None]
    ids = {line: f"new{at:05}" for at, line in enumerate(bare)}
    after_text = with_ids(parse(text), ids)
    after = entries(parse(after_text), "t", "p")
    assert [(e.line, e.slot, e.text) for e in after] == [(e.line, e.slot, e.text) for e in before]
    assert [e.id for e in after] == [e.id or ids[e.line] for e in before]
    for item_id in ids.values():
        after_text = after_text.replace(f" ^{item_id}", "", 1)
    assert after_text == text


def test_a_file_is_read_into_front_matter_slots_and_entries():
    document = parse(FILE)
    assert document.problem is None
    assert document.get("topic") == "interest"
    assert document.get("description") == "Hobbies: tastes and pastimes"
    assert document.get("aliases") == ""
    assert [(section.level, section.slot) for section in document.sections] == [
        (0, ""),
        (1, ""),
        (2, "pets"),
        (2, "art"),
    ]
    pets = entries(document, "interest", "categories/interest.md")
    assert [(e.id, e.slot, e.line) for e in pets] == [
        ("k3f9q2", "pets", 15),
        ("p2m8aa", "pets", 16),
        (None, "pets", 21),
    ]
    assert pets[0].text == "Has a guinea pig named Oscar (since August 2023)."
    assert (pets[0].topic, pets[0].path) == ("interest", "categories/interest.md")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a ^abcd1", [("", "abcd1", "a")]),
        ("- a ^abcd1  ", [("", "abcd1", "a")]),
        ("-\ta\t^abcd1", [("", "abcd1", "a")]),
        ("   * a ^abcd1", [("", "abcd1", "a")]),
        ("    - code ^abcd1", []),
        ("- a^abcd1", [("", None, "a^abcd1")]),
        ("- a ^ab", [("", None, "a")]),
        ("- a ^My-Note", [("", None, "a")]),
        ("- a ^abcd1 ^My-Note", [("", "abcd1", "a")]),
        ("- ^abcd1", [("", "abcd1", "")]),
        ("- a ^abcd1 and more", [("", None, "a ^abcd1 and more")]),
        ("-", []),
        ("- - -", []),
        ("- [ ] task", []),
        ("- [x] done ^abcd1", [("", "abcd1", "[x] done")]),
        ("1. numbered ^abcd1", []),
        ("> - quoted ^abcd1", []),
        ("# t\n- under the title", [("", None, "under the title")]),
        ("## A\\#\n- a", [("A#", None, "a")]),
        ("## pets ##  \n- a", [("pets", None, "a")]),
        ("##pets\n- a", [("", None, "a")]),
        ("### deeper\n- a", [("", None, "a")]),
        ("## s\n# t2\n- a", [("", None, "a")]),
        ("    ## code\n- a", [("", None, "a")]),
    ],
)
def test_what_is_an_entry(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- one\n  two ^abcd1", [("abcd1", "one\ntwo")]),
        ("- one\ntwo ^abcd1", [("abcd1", "one\ntwo")]),
        ("- one ^abcd1\n  two", [("abcd1", "one\ntwo")]),
        ("- one ^abcd1\ntwo", [("abcd1", "one")]),
        ("- one ^abcd1\n\n  two\n\nthree", [("abcd1", "one\n\ntwo")]),
        ("- one\n  ^abcd1", [("abcd1", "one")]),
        ("- one ^abcd1\n  - nested\n    deep", [("abcd1", "one\n- nested\ndeep")]),
        ("- one ^abcd1\n\t- [ ] task", [("abcd1", "one\n- [ ] task")]),
        ("- one ^abcd1\n  - two ^abcd2", [("abcd1", "one"), ("abcd2", "two")]),
        ("- one\n  - two ^abcd2\n    more", [(None, "one"), ("abcd2", "two\nmore")]),
        ("- one ^abcd1\n  ```\n  - code ^abcd2\n  ```", [("abcd1", "one\n```\n- code ^abcd2\n```")]),
        ("- one\n> quote ^abcd1", [(None, "one")]),
        ("- one\n| a |", [(None, "one")]),
        ("- one\n# t", [(None, "one")]),
    ],
)
def test_where_a_bullet_ends_and_what_its_text_is(text, expected):
    assert [(item_id, shown) for _, item_id, shown in found(text)] == expected


@pytest.mark.parametrize(
    "hidden",
    [
        "```\n{}\n```",
        "~~~~ md\n{}\n```\n{}\n~~~~~",
        "<!--\n{}\n-->",
        "<!-- x -->\n<!-- {}\n-->",
        "%%\n{}\n%%",
        "<pre>\n{}\n</pre>",
        "- x\n  ```\n  {}\n  ```",
    ],
)
def test_what_stands_in_code_and_comments_is_no_structure(hidden):
    text = f"## s\n{hidden.replace('{}', '- no ^abcd9')}\n- yes ^abcd1\n"
    assert [item_id for _, item_id, _ in found(text)][-1] == "abcd1"
    assert "abcd9" not in [item_id for _, item_id, _ in found(text)]
    heading = f"## s\n{hidden.replace('{}', '## no')}\n- yes ^abcd1\n"
    assert found(heading)[-1][0] == "s"


def test_a_fence_within_a_bullet_ends_with_the_bullet():
    assert found("- a\n  ```\n  code\n- b ^abcd1")[-1] == ("", "abcd1", "b")
    assert parse("- a\n  ```\n  code").problem is None


def test_a_known_id_counts_where_somebody_typed_on_after_it():
    text = "- Has a dog. ^abcd1 He is brown."
    assert found(text, known={"abcd1"}) == [("", "abcd1", "Has a dog. He is brown.")]
    assert found(text, known={"other"}) == [("", None, "Has a dog. ^abcd1 He is brown.")]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("---\ntopic: x\n", 1, "front matter"),
        ("---\ntopic: x\n\n## s\n- a ^abcd1\n\n---\n", 1, "front matter"),
        ("---\ntopic: x\n- a ^abcd1\n---\n", 1, "front matter"),
        ("# t\n\n```\n- a ^abcd1\n", 3, "code fence"),
        ("<!-- begun\n- a ^abcd1\n", 1, "comment"),
        ("# t\n<<<<<<< HEAD\n- a ^abcd1\n=======\n- b ^abcd1\n>>>>>>> x\n", 2, "conflict"),
        ("# t\n- a ^abcd1\n>>>>>>> x\n", 3, "conflict"),
    ],
)
def test_a_file_whose_structure_cannot_be_told_says_where_and_why(text, line, word):
    problem = parse(text).problem
    assert problem is not None
    assert (problem.line, word in problem.reason) == (line, True)
    assert render(parse(text)) == text


def test_an_underlined_heading_is_no_conflict():
    assert parse("Interest\n=======\n\n- a\n").problem is None


def test_entries_stay_found_when_the_front_matter_lost_its_end():
    assert found("---\ntopic: x\n\n## s\n- a ^abcd1\n\n---\n") == [("s", "abcd1", "a")]


@pytest.mark.parametrize("quoted", ["'it''s'", '"it\'s"', "it's"])
def test_front_matter_values_are_read_in_every_quoting(quoted):
    assert parse(f"---\nkey: {quoted}\n---\n").get("key") == "it's"


@pytest.mark.parametrize(
    "text",
    [
        " " * 300_000 + "x",
        "- " * 150_000,
        "- x" + " \t" * 150_000 + "y",
        "^a " * 100_000,
        "- `" * 100_000,
        "<!--" * 75_000,
        "\n".join("  " * depth + "- x" for depth in range(700)),
        "- a\n" + "b\n" * 20_000,
    ],
)
def test_hostile_lines_take_no_more_than_linear_time(text):
    started = time.process_time()
    assert render(parse(text, known={"abcd1"})) == text
    assert time.process_time() - started < 30


@given(TEXTS)
def test_a_line_that_is_known_means_what_it_meant_at_first(text):
    known, fresh = Scanner(), Scanner()
    for number, line in enumerate(text.splitlines(), start=1):
        mark = known.mark(Line(number, line, "\n"))
        assert replace(mark, written=None) == fresh._mark(Line(number, line, "\n"))
        assert (known.opaque, known.bullet) == (fresh.opaque, fresh.bullet)


@given(
    st.tuples(st.text(), st.sampled_from(["", " ", "^", " ^b"]), st.sampled_from(["abcd", "Ab-", "^abcd"]))
)
def test_a_bullet_as_the_machine_writes_most_is_what_the_rules_make_of_it(parts):
    text, between, block = parts
    for line in split_lines(f"- {text}{between} ^{block}"):
        mark = Scanner().mark(line)
        if mark.kind == "bullet":
            assert _bullets([mark], frozenset()) == _bullets([replace(mark, written=None)], frozenset())


@given(st.one_of(st.text(), st.sampled_from(PIECES), st.text().map("- ".__add__)))
def test_one_bullet_on_one_line_is_read_alone_as_it_is_in_a_file(line):
    document = parse(line)
    alone = len(document.bullets) == 1 and len(list(document.lines)) == 1
    found = bullet_of(line)
    assert (found is not None) == alone
    if found is not None:
        read = document.bullets[0]
        assert (found.id, found.text, found.prefix) == (read.id, read.text, read.prefix)
