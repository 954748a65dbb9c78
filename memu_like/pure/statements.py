"""A statement that a model worded, made one plain line, and what makes it worth nothing."""

from __future__ import annotations

import re

from .fencing import SPECIAL
from .patterns import lazy
from .quoted_orders import holds_orders
from .rendering import plain_line
from .secrets import has_secret

MAX_TEXT = 600
"""Characters of a statement."""

# Marks that change how the text around them reads, and show nothing themselves.
_UNSEEN = lazy(
    r"[\xad\u061c\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0d\ufeff\ufff0-\ufffb"
    r"\U000e0000-\U000e0fff]"
)
_COMMENT = lazy(r"<!--.*?(?:-->|\Z)|%%.*?(?:%%|\Z)", re.DOTALL)
_MARKER = lazy(r"(?:(?:[-+*•>|]|#{1,6}|\d{1,3}[.)]|\[[ xX]?\])\s+|-{3,}|={3,}|`{3,}|~{3,})+")
_BLOCK_ID = lazy(r"(?:\s\^[A-Za-z0-9-]+)+$")
_UNSAID = (
    r"unknown|n/?a|undefined|unspecified|no (?:data|information|info)|not (?:yet |explicitly |clearly )?"
    r"(?:mentioned|specified|stated|known|applicable|disclosed|determined)"
)
_NOTHING = rf"{_UNSAID}|none|null|nil|nothing|unclear|unavailable|tbd|empty|no value|no answer|not available"
_UNSAID_CHINESE = (
    r"未知|不详|不詳|不明|未提及|未提到|没有提到|没有提及|沒有提到|未说明|未說明|未透露|未指定|暂无|暫無"
)
_MEANINGLESS = lazy(
    rf"\W*(?:{_NOTHING}|{_UNSAID_CHINESE}|无|無|没有|沒有|不知道|空)\W*"
    r"|.{0,120}\b(?:is|are|was|were|remains?|has|have)(?: been)?(?: currently| still)? "
    rf"(?:{_UNSAID})\W*|.{{0,120}}:\s?(?:{_NOTHING})\W*"
    r"|\W*(?:no (?:information|mention|details?|data)\b|(?:there is )?not enough information\b"
    r"|nothing (?:is |was )?(?:known|mentioned|said)\b).{0,200}"
    rf"|.{{0,60}}(?:{_UNSAID_CHINESE})\W*",
    re.IGNORECASE,
)
_WORDS = lazy(r"[^\W_]+")
_FILLERS = frozenset("the a an of his her their its user s 的".split())


def plain_statement(value: str) -> str:
    """One line without marks of structure around it: bullets, headings, rules, comments, block ids."""
    text = plain_line(_UNSEEN.sub("", _COMMENT.sub(" ", value)))
    text = text[found.end() :] if (found := _MARKER.match(text)) else text
    return _BLOCK_ID.sub("", text).strip()


def objection_to(text: str, *, mask: bool) -> str:
    """Why a plain statement cannot be kept whatever it comes from; "" where it can."""
    if not _WORDS.search(text):
        return "empty"
    if len(text) > MAX_TEXT:
        return f"longer than {MAX_TEXT} characters"
    if mask and has_secret(text):
        return "secret"
    return "quoted orders" if holds_orders(text) or SPECIAL.search(text) else ""


def is_meaningless(text: str, subject: str, names: tuple[str, ...]) -> bool:
    """Whether a statement gives no value: "unknown", "The age was not mentioned", "Pets" in the slot pets."""
    if _MEANINGLESS.fullmatch(text):
        return True
    named = {word for name in names for word in _WORDS.findall(name.casefold())}
    said = set(_WORDS.findall(text.casefold())) - _FILLERS
    return said - set(_WORDS.findall(subject.casefold())) <= named
