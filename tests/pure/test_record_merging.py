"""Records merge line by line, and small JSON files key by key, with nothing lost, doubled or brought back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.record_merging import merged_records, merged_values


def test_lines_appended_on_both_sides_are_kept_ours_first() -> None:
    assert merged_records(b"a\nb\n", b"a\nb\nc\n", b"a\nb\nd\ne\n") == b"a\nb\nc\nd\ne\n"


def test_the_same_line_appended_on_both_sides_stands_once() -> None:
    assert merged_records(b"a\n", b"a\nx\nb\n", b"a\nc\nx\n") == b"a\nx\nb\nc\n"


def test_a_last_line_without_its_newline_is_not_run_into() -> None:
    assert merged_records(b"a\n", b"a\nb", b"a\nc") == b"a\nb\nc\n"


def test_a_corrected_line_stands_in_its_place_and_its_old_form_does_not_come_back() -> None:
    assert merged_records(b"a\nb\n", b"a\nB\n", b"a\nb\nc\n") == b"a\nB\nc\n"
    assert merged_records(b"a\nb\n", b"a\nb\nc\n", b"a\nB\n") == b"a\nc\nB\n"


def test_an_erased_line_does_not_come_back() -> None:
    assert merged_records(b"a\nb\n", b"a\n", b"a\nb\nc\n") == b"a\nc\n"
    assert merged_records(b"a\nb\n", b"a\nb\nc\n", b"a\n") == b"a\nc\n"


def test_a_line_corrected_on_both_sides_stands_in_both_forms() -> None:
    assert merged_records(b"a\nb\n", b"a\nB\n", b"a\n8\n") == b"a\nB\n8\n"


def test_a_file_that_both_sides_made() -> None:
    assert merged_records(b"", b"a\nx\n", b"b\nx\n") == b"a\nx\nb\n"


lines = st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), max_size=5, unique=True)


@given(lines, lines, lines)
def test_every_line_that_is_new_or_still_wanted_stands_once(
    base: list[bytes], ours: list[bytes], theirs: list[bytes]
) -> None:
    found = merged_records(*(b"".join(line + b"\n" for line in side) for side in (base, ours, theirs)))
    expected = {line for line in {*ours, *theirs} if line not in base or (line in ours and line in theirs)}
    assert sorted(found.splitlines()) == sorted(expected)


def pretty(**values: object) -> bytes:
    return json.dumps(values, indent=2).encode() + b"\n"


def test_the_same_conversation_memorized_in_both_copies_came_in_at_the_earlier_time() -> None:
    ours = pretty(id="r1", sha256="x", stored_at="2026-02-01T10:00:00Z", segments=[])
    theirs = pretty(id="r1", sha256="x", stored_at="2026-01-01T10:00:00Z", segments=[{"first": 1, "last": 2}])
    found = merged_values(b"", ours, theirs)
    assert found == merged_values(b"", theirs, ours)
    assert json.loads(found) == {
        "id": "r1",
        "sha256": "x",
        "stored_at": "2026-01-01T10:00:00Z",
        "segments": [{"first": 1, "last": 2}],
    }


def test_keys_that_one_side_changed_are_as_changed_there() -> None:
    base = pretty(version=1, user_id="c", data={"a": 1, "b": 2, "c": {"d": 1}})
    ours = pretty(version=1, user_id="c", data={"a": 5, "b": 2, "c": {"d": 1}, "x": True})
    theirs = pretty(version=1, user_id="c", data={"a": 1, "c": {"d": 1, "e": None}})
    found = json.loads(merged_values(base, ours, theirs))
    assert found == {"version": 1, "user_id": "c", "data": {"a": 5, "c": {"d": 1, "e": None}, "x": True}}


def test_ours_stay_to_the_byte_where_theirs_add_nothing() -> None:
    ours = b'{"version":1, "user_id":"c"}'
    assert merged_values(b"", ours, pretty(version=1, user_id="c")) == ours


@pytest.mark.parametrize("other", [b"[]", b"nonsense", b'{"user_id": "d"}'])
def test_what_is_no_copy_of_the_same_file_is_refused(other: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a JSON object|Expecting|user_id"):
        merged_values(b"", b'{"user_id": "c"}', other)
