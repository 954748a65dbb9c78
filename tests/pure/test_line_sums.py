"""Which lines of an appended file were changed, told from the sums of what stood there before."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.line_sums import (
    NO_LOOK,
    ChangedLine,
    changed_lines,
    read_sums,
    render_sums,
    stands,
    sums_of,
)

LOOK = (1, 2, 3, 4)
LINES = st.lists(st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"")), max_size=8)


def whole(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


@given(LINES, LINES)
def test_sums_of_new_lines_added_to_the_old_ones_are_those_of_all(old: list[bytes], new: list[bytes]) -> None:
    before = sums_of(whole(old), LOOK)
    after = whole([*old, *new])
    assert stands(before, after)
    assert sums_of(after, LOOK, before) == sums_of(after, LOOK)
    assert not list(changed_lines(before, after))


@given(LINES)
def test_sums_are_read_as_they_were_written(lines: list[bytes]) -> None:
    found = sums_of(whole(lines), LOOK)
    assert read_sums(render_sums(found)) == found


def test_what_is_no_file_of_sums_says_nothing() -> None:
    assert read_sums(b"") is None
    assert read_sums(render_sums(sums_of(b"a\n", LOOK))[:-1]) is None


def test_a_torn_last_line_is_not_summed_until_it_is_whole() -> None:
    assert sums_of(b"one\ntw", NO_LOOK) == sums_of(b"one\n", NO_LOOK)


@given(LINES.map(lambda lines: list(dict.fromkeys(lines))).filter(bool), st.data())
def test_a_line_that_was_changed_is_found_whatever_was_appended(
    lines: list[bytes], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(lines) - 1))
    before = sums_of(whole(lines), LOOK)
    after = whole([*lines[:number], b"otherwise", *lines[number + 1 :], b"appended"])
    assert not stands(before, after)
    assert list(changed_lines(before, after)) == [ChangedLine(number + 1, b"otherwise")]


def test_a_line_that_was_taken_out_is_told_by_where_it_stood() -> None:
    before = sums_of(b"one\ntwo\nthree\n", LOOK)
    assert list(changed_lines(before, b"one\nthree\n")) == [ChangedLine(2, None)]


def test_a_line_that_was_put_in_between_is_found() -> None:
    before = sums_of(b"one\ntwo\n", LOOK)
    assert list(changed_lines(before, b"one\nnew\ntwo\n")) == [ChangedLine(2, b"new")]
