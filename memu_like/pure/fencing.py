"""Data within a prompt: what was remembered, or came in, told apart from what a model is asked to do.

A block stands between `<data 482915>` and `</data 482915>`, the number taken from the text's hash; a short
text within a sentence is one line of JSON. Nothing in a text can end its fence: whatever could be read as a
marker of ours loses its angle bracket, whatever the case, the width or the look-alike letters. So do the
special tokens of chat templates, which local endpoints read out of plain text. The bracket becomes "(", so
that a reader still sees what was written.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from .patterns import lazy

# Line ends of all kinds; surrogates; control characters; invisible characters that can hide or reorder what a
# text says. The joiners of Persian, Indic scripts and emoji stay, as do the variation selectors of emoji.
UNCLEAN = lazy(
    "\r\n?|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufe00-\ufe0d\ufeff\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
LINE_ENDS = frozenset("\r\x0b\x0c\x85\u2028\u2029")
# The special tokens of chat templates as model families write them: <|...|> and <s>, Llama's [INST], Gemma's
# <start_of_turn>, DeepSeek's full-width bar, the tags of thinking and tools, MiniMax's ]~b].
SPECIAL = lazy(
    r"[<\ufe64\uff1c](?:(?=[|\uff5c\u2502\u00a6])|(?=<\s*/?\s*SYS\s*>>)"
    r"|(?=/?(?:s|bos|eos|pad|unk|mask|sep|cls|sop|eop|sot|eot|(?:start|end)_of_\w+|think(?:ing)?|tool_\w+"
    r"|tools?|function(?:s|_calls?)?|fim_\w+|extra_id_\d+|unused\d+|reserved\w*|special_\d+|0x[0-9a-f]{2}"
    r"|seed:\w+|longcat_\w+|system|user|assistant|human|instructions?|message|turn|channel)"
    r"(?:\s[^<>\n]{0,200})?>))"
    r"|\[(?=\||e~\[|/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_\w+|gMASK|BOS|EOS|CLS|SEP|PAD|UNK|MASK"
    r"|IMG\w*|THINK|unused\d+)\])"
    r"|\](?=~!?\w)",
    re.IGNORECASE,
)
WORD = "data"
# "<" and what a reader takes for it.
ANGLES = "<\u00ab\u02c2\u1438\u16b2\u2039\u226a\u226e\u2329\u276c\u276e\u2770\u27e8\u29fc\u3008\u300a"
ANGLES += "\ufe3f\ufe64\uff1c"
# Each of them, and square brackets but for the "[1]" of a citation: a look at each takes its time.
BRACKETS = lazy(rf"[{ANGLES}\[\]](?!(?<=\[)\d)(?!(?<=\])(?!~))")
SLASHES = frozenset("/\\\u2044\u2215\u29f8\u29f9\uff0f\uff3c\ufe68")
BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Small letters that NFKD does not lead back to those they look like.
LOOKS_LIKE = {
    **dict.fromkeys("\u0430\u0251\u03b1\u1d00\u2c65", "a"),
    **dict.fromkeys("\u0501\u1d05\u13a0\u0111\u0256\u0257\u0221", "d"),
    **dict.fromkeys("\u0442\u03c4\u1d1b\u13a2\u0167\u01ad\u0288\u0236", "t"),
}


_FENCE = re.compile(rf"</?{WORD} (\d{{6}})>\n?")


@dataclass(frozen=True, slots=True, repr=False)
class Data:
    """Text that is data. In a prompt it always stands in a fence that it cannot close, whoever wrote the
    template; `inline` is for a short text within a sentence, which becomes one quoted line.

    It has no string form but its fence: str() and format() raise TypeError, and repr() shows no text, so
    that it cannot get into a prompt in passing. It is true where it holds more than blanks.
    """

    text: str
    inline: bool = False

    def fenced(self) -> str:
        """A block of lines, or with `inline` one line in double quotes, escaped as JSON."""
        text = neutral(self.text)
        if self.inline:
            return json.dumps(text, ensure_ascii=False)
        number = self._number()
        return f"<{WORD} {number}>\n{text}\n</{WORD} {number}>"

    def _number(self) -> str:
        digest = sha256(self.text.encode("utf-8", "surrogatepass")).digest()
        return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06}"

    def __str__(self) -> str:
        raise TypeError("data has no string form but its fence: put it in by itself, as {{ name }}")

    def __repr__(self) -> str:
        return f"Data({len(self.text)} characters, {self._number()})"

    def __bool__(self) -> bool:
        return not self.text.isspace() and bool(self.text)


Value = str | int | float | bool | None | Data | tuple["Value", ...] | Mapping[str, "Value"]
"""What a template gets: the owner's text and figures as they are, everything else as Data."""


def without_fences(reply: str, prompt: str) -> str:
    """A reply without the marks of the prompt's own fences: a small model says them too."""
    ours = frozenset(_FENCE.findall(prompt))
    return _FENCE.sub(lambda found: "" if found[1] in ours else found[0], reply).strip()


def neutral(text: str) -> str:
    """`text` without control and invisible characters (tab and newline stay), without lone surrogates, and
    with "(" where a marker of ours or a special token of a chat template would begin."""
    text = UNCLEAN.sub(_cleaned, text)
    return BRACKETS.sub(lambda found: "(" if _speaks(text, found.start()) else found[0], text)


def _cleaned(found: re.Match[str]) -> str:
    char = found[0][0]
    if char in LINE_ENDS:
        return "\n"
    return "\ufffd" if "\ud800" <= char <= "\udfff" else ""


def _speaks(text: str, at: int) -> bool:
    """Whether a bracket begins what an endpoint, or a reader, takes for more than text."""
    return bool(SPECIAL.match(text, at)) or (text[at] in ANGLES and _opens_marker(text, at + 1))


def _opens_marker(text: str, at: int) -> bool:
    """Whether what follows an angle bracket reads as "data", slashes and blanks aside."""
    wanted = iter(WORD)
    letter = next(wanted)
    for position in range(at, len(text)):
        plain = _plain(text[position])
        if not plain or (letter and plain in " /"):
            continue
        if not letter:
            return not plain[0].isalpha()
        for part in plain:
            if part != letter:
                return False
            letter = next(wanted, "")
    return not letter


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    """A character as a reader sees it: "" for what shows nothing, " " for a blank, "/" for a slash, else
    small letters without width, style or accents."""
    if char.isspace() or char in BLANKS:
        return " "
    if char in SLASHES:
        return "/"
    if 0x1F150 <= ord(char) <= 0x1F189:  # negative circled and squared letters
        return chr(ord("a") + (ord(char) - 0x1F150) % 32 % 26)
    shown = [c for c in unicodedata.normalize("NFKD", char) if unicodedata.category(c)[0] not in "MC"]
    return "".join(LOOKS_LIKE.get(c, c) for c in "".join(shown).casefold())
