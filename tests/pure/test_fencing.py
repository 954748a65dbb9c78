"""The fence: no text ends it, opens another, or speaks to the endpoint's chat template."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memu_like.pure.fencing import Data, neutral

FENCE = re.compile(r"<data (\d{6})>\n(.*)\n</data (\d{6})>", re.DOTALL)
SPECIAL = (
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<|system|>"),
    *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<bos>", "<eos>", "<pad>", "<unk>"),
    *("<start_of_turn>", "<end_of_turn>", "<think>", "</think>", "<tool_call>", "</tool_call>"),
    *("<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cUser\uff5c>", "[gMASK]", "<sop>", "]~b]", "[e~["),
    *("[AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[SYSTEM_PROMPT]", "<fim_prefix>", "<extra_id_0>", "<unused12>"),
    *("<seed:bos>", "[|user|]", "<0x0A>", "<system>", "</assistant>", '<message role="system">'),
)
LOOK_ALIKES = (
    "</data>",
    "<data>",
    "</DATA 482915>",
    "< / data >",
    "<//data>",
    "<\\/data>",
    "<\u200b/\u200bd\u200ba\u200bt\u200ba>",
    "<\u2060/da\u00adta>",
    "\uff1c\uff0f\uff44\uff41\uff54\uff41\uff1e",
    "<\uff0fdata>",
    "<\U0001d41d\U0001d41a\U0001d42d\U0001d41a>",
    "<\u24d3\u24d0\u24e3\u24d0>",
    "<\U0001f173\U0001f170\U0001f183\U0001f170>",
    "<d\u0430t\u0430>",
    "<\u0501\u0430\u0442\u0430>",
    "<d\u03b1\u03c4\u03b1>",
    "<d\u0301a\u0300ta>",
    "<\u010f\u00e5\u0165\u00e0>",
    "\u2039/data\u203a",
    "\u27e8/data\u27e9",
    "\u300a/data\u300b",
    "\ufe64/data>",
    "<\n/data>",
    "<\u3164/data>",
    "<\u2800data 482915>",
    "<d\u200data>",
    "< d a t a >",
)


def seen(text: str) -> str:
    """The text as a careless reader sees it: no case, width, style, accents, blanks or invisible characters,
    one kind of bracket and of slash."""
    flat = unicodedata.normalize("NFKD", text).casefold()
    shown = [c for c in flat if unicodedata.category(c)[0] not in "MCZ" and c not in "\u115f\u1160\u2800"]
    alike = "\u2039\u27e8\u3008\u2329\u300a\u00ab\u0430\u03b1\u0501\u0442\u03c4"
    swap = str.maketrans(alike + "\U0001f170\U0001f173\U0001f183\\", "<<<<<<aadttadt/")
    return re.sub("/+", "/", "".join(shown).translate(swap))


def markers(text: str) -> int:
    return len(re.findall(r"</?data(?![a-z])", seen(text)))


PIECES = st.sampled_from(
    [
        *LOOK_ALIKES,
        *SPECIAL,
        *"<>/\\ \n\r\t\0\u200b\u202e\ufeff\u2028\ud83d\udc00",
        "data",
        "d",
        "a",
        "ta",
        "</",
    ]
)
HOSTILE = st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map("".join))


@given(HOSTILE)
@example("</data 201302>")
@example("<<data")
@example("")
def test_a_block_has_one_opening_and_one_closing_marker_at_its_ends(text: str) -> None:
    fenced = Data(text).fenced()
    found = FENCE.fullmatch(fenced)
    assert found
    assert found[1] == found[3]
    assert markers(fenced) == 2
    assert markers(found[2]) == 0
    assert fenced == Data(text).fenced()


@given(HOSTILE)
def test_an_inline_text_is_one_line_of_json_that_says_the_text(text: str) -> None:
    quoted = Data(text, inline=True).fenced()
    assert len(quoted.splitlines()) == 1
    assert json.loads(quoted) == neutral(text)
    assert not re.search(r'(?<!\\)(?:\\\\)*"', quoted[1:-1])
    assert markers(quoted) == 0


@given(HOSTILE)
def test_a_neutral_text_stays_as_it_is(text: str) -> None:
    once = neutral(text)
    assert neutral(once) == once
    once.encode("utf-8")
    assert not [c for c in once if unicodedata.category(c) == "Cc" and c not in "\n\t"]


@pytest.mark.parametrize("text", LOOK_ALIKES, ids=ascii)
def test_what_looks_like_a_marker_loses_its_bracket(text: str) -> None:
    assert markers(text) == 1
    assert markers(neutral(f"before {text} after")) == 0
    assert "(" in neutral(text)


@pytest.mark.parametrize("token", SPECIAL, ids=ascii)
def test_special_tokens_of_chat_templates_are_broken_and_stay_readable(token: str) -> None:
    for text in (token, token.upper(), token * 3, token[:1] + "\u200b" + token[1:], f"a{token}b"):
        assert token.lower() not in neutral(text).lower()
    kept = token[1:] if token[0] in "<[]" else token
    assert kept.lstrip("<[") in neutral(token)


@pytest.mark.parametrize(
    "text",
    [
        "a < b and b > c",
        "<database> and <b>bold</b>",
        "if x[0] and [1]: pass",
        "She said \u201cdata\u201d, \u00abbien s\u00fbr\u00bb",
        "```json\n{}\n```",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627 \u2764\ufe0f \U0001f469\u200d\U0001f467",
        "caf\u00e9 \u4f60\u597d\uff0c\u4e16\u754c\uff01\n\ttabbed",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert neutral(text) == text


def test_line_ends_become_newlines_and_invisible_text_goes() -> None:
    assert neutral("a\r\nb\rc\u2028d\x85e\x0bf") == "a\nb\nc\nd\ne\nf"
    hidden = "".join(chr(0xE0000 + ord(c)) for c in "obey")
    assert neutral(f"hi{hidden}\x1b[31m\u202e\u2066\x00!") == "hi[31m!"
    assert neutral("\ud83d alone") == "\ufffd alone"


def test_the_number_is_that_of_the_text() -> None:
    assert Data("a").fenced() == Data("a").fenced()
    assert Data("a").fenced()[:13] != Data("b").fenced()[:13]


def test_data_gets_into_no_string_in_passing() -> None:
    data = Data("her secret")
    for attempt in (
        lambda: str(data),
        lambda: f"{data}",
        lambda: "".join(map(str, [data])),
        lambda: f"{data:>40}",
    ):
        with pytest.raises(TypeError):
            attempt()
    assert "secret" not in repr(data) + repr([data]) + f"{data!r}"


def test_data_is_true_where_it_says_something() -> None:
    assert Data("x")
    assert not Data("")
    assert not Data(" \n")


@pytest.mark.parametrize("piece", ["<", "< ", "<d", "<dat", "<\u200d", "\u200d", "[", "<s ", "<<", "\\"])
def test_long_hostile_text_takes_time_in_proportion(piece: str) -> None:
    """Were it the square, these would take hours."""
    assert FENCE.fullmatch(Data(piece * 100_000).fenced())
