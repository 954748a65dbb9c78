"""Replies that are not quite JSON: each gives the value it plainly means, or an error that says why not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, RootModel

from memu_like.pure.replies import ReplyError, fit, parse_reply, salvage_reply

GOOD = {
    "summary": "Ines moved \u2014 twice.",
    "items": [
        {"text": 'She said "hi" to {Rui} <b>', "lines": [1, 2], "weight": 0.5, "new": True},
        {"text": "C:\\temp, [sic]", "lines": [], "weight": -1e3, "new": None},
        {"text": "\u4f60\u597d\U0001f439", "lines": [12], "weight": 0, "new": False},
    ],
}
EXACT = json.dumps(GOOD)
PRETTY = json.dumps(GOOD, ensure_ascii=False, indent=2)

MEANT: dict[str, tuple[str, Any]] = {
    "exact": (EXACT, GOOD),
    "pretty": (PRETTY, GOOD),
    "blanks around": (f"\n\n  {EXACT} \n", GOOD),
    "a byte order mark": (f"\ufeff{EXACT}", GOOD),
    "a fence with its language": (f"```json\n{PRETTY}\n```", GOOD),
    "a fence without": (f"```\n{EXACT}\n```", GOOD),
    "a fence that is not closed": (f"```json\n{PRETTY}\n", GOOD),
    "a fence of tildes": (f"~~~JSON\n{EXACT}\n~~~", GOOD),
    "a fence on one line": (f"```json {EXACT}```", GOOD),
    "prose before": (f"Sure! Here is what I found:\n{EXACT}", GOOD),
    "prose after": (f"{EXACT}\nI hope this helps :{{", GOOD),
    "prose and fence": (f"Here you are.\n\n```json\n{PRETTY}\n```\n\nAnything [else]?", GOOD),
    "brackets in prose": (f"As {{name}} asked [see below], and [1]: {EXACT}", GOOD),
    "a list of lines in prose": ('Lines [12, 14, 18] say nothing new: {"items": [3]}', {"items": [3]}),
    "a label": (f"Output: {EXACT}", GOOD),
    "json as a string": (json.dumps(EXACT), GOOD),
    "a brace too many": ('{"a": 1}}', {"a": 1}),
    "trailing commas": ('{"a": [1, 2,], "b": {"c": 3,},}', {"a": [1, 2], "b": {"c": 3}}),
    "single quotes": ("{'a': 'b \"c\" d', 'e': []}", {"a": 'b "c" d', "e": []}),
    "an escaped apostrophe": (r"{'a': 'it\'s'}", {"a": "it's"}),
    "an apostrophe with a backslash in double quotes": (r'{"a": "it\'s"}', {"a": "it's"}),
    "python literals": ("{'a': True, 'b': False, 'c': None}", {"a": True, "b": False, "c": None}),
    "shouted literals": ('{"a": TRUE, "b": NULL}', {"a": True, "b": None}),
    "keys without quotes": ('{a: 1, some_key: "x", $b-c: [2]}', {"a": 1, "some_key": "x", "$b-c": [2]}),
    "comments": ('// all\n{"a": 1, # one\n /* two */ "b": 2}', {"a": 1, "b": 2}),
    "a comment after the last": ('{"a": 1 // done\n}', {"a": 1}),
    "an address is no comment": ('{"a": "https://example.org/#x"}', {"a": "https://example.org/#x"}),
    "typographic quotes": ('{\u201ca\u201d: \u201cshe said "hi"\u201d}', {"a": 'she said "hi"'}),
    "low quotes": ("{\u201ea\u201c: \u201eb\u201c}", {"a": "b"}),
    "full-width signs": ('{"a"\uff1a "b"\uff0c "c"\uff1a [1\uff0c2]}', {"a": "b", "c": [1, 2]}),
    "line breaks in a text": ('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}),
    "a key twice": ('{"a": 1, "a": 2}', {"a": 2}),
    "a key twice, leniently": ("{'a': 1, 'a': 2}", {"a": 2}),
    "a pair of surrogates": (r'{"a": "\ud83d\udc39"}', {"a": "\U0001f439"}),
    "a pair of surrogates, leniently": (r"{'a': '\ud83d\udc39'}", {"a": "\U0001f439"}),
    "a lone surrogate": (r'{"a": "x\ud83d"}', {"a": "x\ufffd"}),
    "a lone surrogate in a key": (r'{"\udc39": 1}', {"\ufffd": 1}),
    "a lone surrogate, leniently": (r"{'a': 'x\udc39y'}", {"a": "x\ufffdy"}),
    "a raw surrogate": ('{"a": "x\ud83d"}', {"a": "x\ufffd"}),
    "an escape that is none": (r'{"a": "C:\dir \_x"}', {"a": r"C:\dir \_x"}),
    "an escaped line end": ('{"a": "one \\\ntwo",}', {"a": "one two"}),
    "numbers": ("[+1, .5, 1., -2e3, 007]", [1, 0.5, 1.0, -2000.0, 7]),
    "angle and curly brackets in values": ('{"a": "<div> {x} </data>", }', {"a": "<div> {x} </data>"}),
    "a fence in a value": ('{"a": "```json\\n{}\\n```"}', {"a": "```json\n{}\n```"}),
    "a list": ('["a", "b"]', ["a", "b"]),
    "an empty list": ("```json\n[]\n```", []),
    "an empty object": (" {} ", {}),
    "json lines": ('{"a": 1}\n{"a": 2}\n\n{"a": 3}', [{"a": 1}, {"a": 2}, {"a": 3}]),
    "objects with commas between": ('{"a": 1},\n{"a": 2}', [{"a": 1}, {"a": 2}]),
    "a missing comma after a bracket": ('[{"a": 1} {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "a missing comma before a key": ('{"a": [1] "b": 2}', {"a": [1], "b": 2}),
    "the same twice": ('{"a": 1}\nAgain: {"a": 1}', {"a": 1}),
    "an empty example first": ('Format: {"items": []}. Answer: {"items": [1]}', {"items": [1]}),
    "the longest of several": ('{"a": 1} and then {"b": [2, 3]}', {"b": [2, 3]}),
    "an object before a longer list": ('Looking at [1, 2, 3, 4, 5, 6]: {"a": 1}', {"a": 1}),
    "another object broken, and a fence": (
        'I use {"items": [...]}\n```json\n{"items": [{"a": 11}]}\n```',
        None,
    ),
    "64 levels": ("[" * 64 + "]" * 64, None),
    "unknown keys stay": ('{"a": {"": 1}}', {"a": {"": 1}}),
}
MEANT["another object broken, and a fence"] = (
    MEANT["another object broken, and a fence"][0],
    {"items": [{"a": 11}]},
)
MEANT["64 levels"] = ("[" * 64 + "]" * 64, json.loads("[" * 64 + "]" * 64))

REFUSED: dict[str, tuple[str, str]] = {
    "nothing": ("", "the reply is empty"),
    "blanks": (" \n\t\ufeff ", "the reply is empty"),
    "prose": ("I am sorry, I cannot help with that.", "no JSON object found"),
    "prose with brackets": ("See [this] and {that}.", "no JSON object found"),
    "a box to tick": ("- [ ] write the items", "no JSON object found"),
    "empty braces in prose": ("Nothing new: {} as far as I see", "no JSON object found"),
    "a number": ("42", "no JSON object found"),
    "a word": ("true", "no JSON object found"),
    "null": ("null", "no JSON object found"),
    "a text": ('"items"', "no JSON object found"),
    "nan": ('{"a": NaN}', "a JSON value should stand here, not 'NaN' at character 7 in 'a'"),
    "infinity": ('{"a": [-Infinity]}', "not '-Infinity' at character 8 in 'a[0]'"),
    "a number too large": ('{"a": 1e999}', "a number is too large at character 7 in 'a'"),
    "a number too long": ('{"a": ' + "9" * 5000 + "}", "a number is too long"),
    "a word as value": ('{"a": yes}', "a JSON value should stand here, not 'yes'"),
    "an ellipsis": ('{"items": [1, 2, ...]}', "not '...' at character 18 in 'items[2]'"),
    "a date without quotes": ('{"a": 2023-05-08}', "not '2023-05-08'"),
    "no value": ('{"a": }', "a JSON value should stand here, not '}'"),
    "no colon": ('{"a" 1}', "':' is missing after the key 'a'"),
    "no comma": ('{"a": 1 "b": 2}', "',' or '}' is missing at character 9"),
    "two commas": ("[1,,2]", "a JSON value should stand here, not ','"),
    "the wrong bracket": ('{"a": [1, 2}', "',' or ']' is missing"),
    "a quote in a text": ('{"a": "she said "hi" to us"}', "a quote within the text has no backslash"),
    "a quoted word in a list": ('["so-called "pets", and more"]', "a quote within the text has no backslash"),
    "a broken escape": (r'{"a": "\u12"}', r"a \u escape without four hex digits"),
    "65 levels": ("[" * 65 + "]" * 65, "brackets are nested more than 64 deep"),
    "65 levels of objects": ('{"a":' * 65 + "1" + "}" * 65, "brackets are nested more than 64 deep"),
    "100,000 levels": ("[" * 100_000, "brackets are nested more than 64 deep"),
    "too long": ("x" * 10_000_000, "the reply has 10,000,000 characters; at most 500,000 are read"),
    "two that differ": ('{"a": 1} or rather {"a": 2}', "several JSON objects that differ"),
    "lists one after the other": ("[1]\n[2]", "several JSON values stand one after the other"),
    "a part of broken JSON": ('{"items": [{"text": "a"}, {"text": oops}, {"text": "b"}]}', "not 'oops'"),
    "broken lines": ('{"a": 1}\n{"a": 2 3}', "',' or '}' is missing"),
    "values without end": ("[1] " * 100_000, "more than 2000 JSON values"),
}
CUT: dict[str, tuple[str, str]] = {
    "in a text": ('{"items": [{"text": "She', "ends at character 24 in the middle of 'items[0].text'"),
    "in a key": ('{"items": [], "summ', "the JSON ends at character 19"),
    "in an escape": (r'{"a": "\u00', "the JSON ends"),
    "at a backslash": ('{"a": "x\\', "the JSON ends"),
    "in a number": ('{"a": 12', "in the middle of 'a'"),
    "in a word": ('{"a": tru', "in the middle of 'a'"),
    "in a comment": ('{"a": 1, /* and', "the JSON ends"),
    "after a comma": ('{"a": [1,', "in the middle of 'a[1]'"),
    "at once": ("```json\n{", "the JSON ends"),
    "in a fence": ('```json\n{"a": "x\n```\n', "the JSON ends"),
    "after a short example": ('Like {"items": []}:\n{"items": [{"text": "a"}, {"te', "the JSON ends"),
    "in the second line": ('{"a": 1}\n{"a": 2}\n{"a"', "the JSON ends"),
}


@pytest.mark.parametrize("name", MEANT)
def test_what_is_plainly_meant_is_read(name: str) -> None:
    text, value = MEANT[name]
    assert parse_reply(text) == value
    salvaged = salvage_reply(text)
    assert (salvaged.value, salvaged.cut) == (value, False)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_is_refused_in_one_line(name: str) -> None:
    text, reason = REFUSED[name]
    for read in (parse_reply, salvage_reply):
        with pytest.raises(ReplyError) as caught:
            read(text)
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300
        assert not caught.value.cut


@pytest.mark.parametrize("name", CUT)
def test_a_reply_that_ends_early_is_said_to(name: str) -> None:
    text, reason = CUT[name]
    with pytest.raises(ReplyError, match="the JSON ends") as caught:
        parse_reply(text)
    assert reason in str(caught.value)
    assert caught.value.cut


def test_the_corpus_is_of_a_size() -> None:
    assert len(MEANT) + len(REFUSED) + len(CUT) >= 100


@pytest.mark.parametrize("text", [EXACT, PRETTY, f"Sure:\n```json\n{PRETTY}", str(GOOD)])
def test_a_reply_that_is_cut_anywhere_never_passes_for_a_whole_one(text: str) -> None:
    end = text.rindex("}")
    for length in range(end + 1):
        with pytest.raises(ReplyError):
            parse_reply(text[:length])
    assert parse_reply(text) == GOOD


@pytest.mark.parametrize("text", [EXACT, PRETTY, f"Sure:\n```json\n{PRETTY}", str(GOOD)])
def test_of_a_cut_reply_only_complete_elements_are_salvaged(text: str) -> None:
    counts = []
    for length in range(text.rindex("}") + 1):
        try:
            found = salvage_reply(text[:length])
        except ReplyError:
            continue
        assert found.cut
        assert isinstance(found.value, dict)
        assert found.value.keys() <= GOOD.keys()
        assert found.value.get("summary", GOOD["summary"]) == GOOD["summary"]
        items = found.value["items"]
        assert isinstance(items, list)
        assert items == GOOD["items"][: len(items)]
        counts.append(len(items))
    assert counts == sorted(counts)
    assert set(counts) == {1, 2, 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 2, 3", [1, 2]),
        ('["a", "b"', ["a", "b"]),
        ('{"a": [[1, 2], [3', {"a": [[1, 2]]}),
        ('{"r": {"items": [{"x": [1]}, {"x": [2', {"r": {"items": [{"x": [1]}]}}),
        ('{"items": [1, 2], "summary": "She', {"items": [1, 2]}),
        ('{"a": 1}\n{"a": 2}\n{"a": 3', [{"a": 1}, {"a": 2}]),
    ],
)
def test_what_is_salvaged(text: str, value: object) -> None:
    found = salvage_reply(text)
    assert (found.value, found.cut) == (value, True)


@pytest.mark.parametrize("text", ['{"items": [', '{"summary": "x", "it', "[", '{"a": {"b": 1', '[{"a": 1'])
def test_with_no_complete_element_there_is_nothing_to_salvage(text: str) -> None:
    with pytest.raises(ReplyError) as caught:
        salvage_reply(text)
    assert caught.value.cut


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=4) | st.dictionaries(st.text(), VALUES, max_size=4))
def test_every_value_is_read_as_it_was_written(value: object) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        assert parse_reply(text) == value
        opened = text[:-1] + "," * bool(value) + text[-1]  # not JSON any more: the lenient reader has it
        assert parse_reply(opened) == value


@given(st.text() | st.lists(st.sampled_from("{}[]\",:'\\ \n1a/*#\u201c"), max_size=40).map("".join))
def test_any_text_gives_a_value_or_an_error(text: str) -> None:
    try:
        value = parse_reply(text)
    except ReplyError as error:
        said = str(error)
        assert said.splitlines() == [said]
    else:
        assert isinstance(value, dict | list)
        json.dumps(value, allow_nan=False).encode()


@pytest.mark.parametrize(
    "piece",
    [
        *("[", '{"a":', "{ ", "{//", "{/*", '{"', "[1]", "[ ]\n", "[ ] ", "{a ", "\n```\n{a:b", "'", "\\"),
        *("[[1],", '{"a": "b"}\n', "{'\\\\", "[# \n", "{}", "{}\n", "x"),
    ],
)
def test_long_replies_take_a_second_at_most(piece: str) -> None:
    """Some 0.2 s on one core; the bound leaves room for a busy machine."""
    for text in ((piece * 500_000)[:499_990], f"['{(piece * 500_000)[:499_980]}'"):
        started = time.process_time()
        with pytest.raises(ReplyError):
            parse_reply(text)
        assert time.process_time() - started < 30


# -- fitting a value to a model


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    lines: list[int] = []


class Answer(BaseModel):
    items: list[Line]
    summary: str = ""


class Verdict(BaseModel):
    enough: bool
    reason: str = ""


class Lines(RootModel[list[Line]]):
    pass


ONE = {"text": "a", "lines": [1]}


@pytest.mark.parametrize(
    "value",
    [
        {"items": [ONE]},
        [ONE],
        [{"items": [ONE]}],
        {"items": ONE},
        {"result": {"items": [ONE]}},
        {"items": [ONE], "comment": "unknown keys are as the model says"},
    ],
)
def test_a_value_fits_where_its_shape_is_plainly_meant(value: Any) -> None:
    assert fit(value, Answer) == Answer(items=[Line(text="a", lines=[1])])


@pytest.mark.parametrize("value", [[ONE], {"items": [ONE]}, ONE, {"anything": [ONE]}])
def test_a_list_is_found_where_a_list_was_asked_for(value: Any) -> None:
    assert fit(value, Lines).root == [Line(text="a", lines=[1])]


def test_an_object_in_a_list_is_that_object() -> None:
    assert fit([{"enough": True}], Verdict) == Verdict(enough=True)


@pytest.mark.parametrize(
    ("value", "model", "reason"),
    [
        ({"items": [{"lines": [1]}]}, Answer, "items.0.text: Field required"),
        ({"items": None}, Answer, "items: Input should be a valid list"),
        ({"items": ["a", 1]}, Answer, "items.0: Input should be a valid"),
        ({"memories": [ONE]}, Answer, "none of the fields asked for is there: items, summary"),
        ({"items": [{"text": "a", "li\nnes": 1}]}, Answer, "items.0.li nes: Extra inputs"),
        ([{"enough": True}, {"enough": False}], Verdict, "Input should be a valid dictionary"),
        ([], Verdict, "Input should be a valid dictionary"),
        ({"items": [{}] * 9}, Answer, "(and 6 more)"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(value: Any, model: type[BaseModel], reason: str) -> None:
    with pytest.raises(ReplyError) as caught:
        fit(value, model)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
