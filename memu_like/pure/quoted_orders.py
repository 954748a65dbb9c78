"""Orders to a language model that a person quotes: text of others, and nothing the person says of themselves.

Such a text ("Ignore your previous instructions ...") may stand in quotation marks or after "the page says:".
It is left out where it is quoted, and where a sentence itself gives such an order.
"""

from __future__ import annotations

import re

from .patterns import lazy

_ORDER = lazy(
    r"\b(?:ignor(?:e|ing)|disregard|forget|override|bypass)\b[^.!?\n]{0,40}\b(?:instructions?|prompts?|guidelines|directions|"
    r"(?:previous|prior|earlier)\s(?:rules|messages?|context|training))\b"
    r"|\b(?:tell|inform|convince|ask|email|send)\s(?:it\sto\s)?the\suser\b|\byou\s(?:are|will)\snow\s(?:an?\s)?(?:dan\b|in\s\w+\smode|"
    r"unrestricted)|\b(?:reveal|print|repeat|output|show|leak)\s(?:me\s)?(?:your|the)\s(?:system\s|hidden\s|initial\s)?(?:prompt|"
    r"instructions)\b|\bnew\s(?:system\s)?instructions?\s?:|\b(?:as|you\sare)\san?\s(?:ai|language\smodel|llm)\b[^.!?\n]{0,20}\byou\s"
    r"(?:must|should|will)\b|(?:忽略|无视|忘记|無視)[^。！？\n]{0,12}(?:指令|指示|提示|要求)|(?:系统|系統)提示词",
    re.IGNORECASE,
)
#: Every order has one of these, in lower case: a cheap look that most messages do not pass.
_SIGNS = (
    *(
        "instruction",
        "prompt",
        "guideline",
        "directions",
        "rules",
        "message",
        "context",
        "training",
        "the user",
    ),
    *("you are now", "you will now", " ai ", "language model", "llm", "指令", "指示", "提示", "要求"),
)
_QUOTED = lazy(
    r"\"[^\"]{3,4000}(?:\"|\Z)|“[^“”]{3,4000}(?:”|\Z)|«[^«»]{3,4000}(?:»|\Z)|「[^「」]{3,4000}(?:」|\Z)|『[^『』]{3,4000}(?:』|\Z)"
    r"|(?<!\w)['‘](?=[A-Z])[^'‘\n]{3,1000}['’](?!\w)|`[^`]{3,4000}`"
)
#: What the words of others follow, up to the end of the paragraph: "it said:", "the page says".
_SAYS = lazy(
    r"\b(?:it|page|site|website|email|e-mail|mail|message|text|article|post|comment|document|file|pdf|popup|banner|"
    r"spam|letter|there\s(?:was|is))\s(?:\w+\s){0,2}?(?:said|says?|reads?|read|this|written|goes|went|like)\b\s?[:,—–-]?"
    r"|(?:写着|写道|说)[:：]",
    re.IGNORECASE,
)
_MARKS = ('"', "“", "«", "「", "『", "'", "‘", "`")
_LONGEST_PARAGRAPH = 4000
_COMMANDS = lazy(
    r"\W{0,3}(?:(?:please|now|and|also|then|ok(?:ay)?|hey|system|important|note)\W{1,3}){0,3}", re.IGNORECASE
)


def orders_in(text: str) -> list[tuple[int, int]]:
    """Where a text quotes orders to a model, as (start, end) in order; spans may overlap."""
    if not _has_sign(text.lower()) or not _ORDER.search(text):
        return []
    spans = [found.span() for found in _QUOTED.finditer(text)]
    stop = -1
    for says in _SAYS.finditer(text):
        if says.end() < stop or text[says.end() : says.end() + 2].strip().startswith(_MARKS):
            continue  # within the words of others already, or they are in quotation marks
        limit = min(len(text), says.end() + _LONGEST_PARAGRAPH)
        newline = text.find("\n", says.end(), limit)
        stop = newline if newline >= 0 else limit
        spans.append((says.end(), stop))
    return sorted(span for span in spans if _ORDER.search(text, *span))


def gives_orders(sentence: str) -> bool:
    """Whether a sentence begins with an order to a model that is not quoted."""
    found = _COMMANDS.match(sentence)
    return bool(_ORDER.match(sentence, found.end() if found else 0))


def holds_orders(statement: str) -> bool:
    """Whether a statement in the third person holds an order to a model, quoted or not.

    "Ada will send the user a map" is none: there the user is the one of whom it tells.
    """
    if not _has_sign(statement.lower()):
        return False
    found = (order[0].lower() for order in _ORDER.finditer(statement))
    return gives_orders(statement) or any(not order.endswith("the user") for order in found)


def _has_sign(lowered: str) -> bool:
    return any(map(lowered.__contains__, _SIGNS))
