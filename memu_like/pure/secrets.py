"""Secrets in a text: keys, tokens, passwords, card and account numbers, found by their shape.

A secret is replaced by a marker such as "[secret: api key]". Everything runs in linear time: no pattern
has nested or adjacent unbounded repetitions, and each is tried only when its cheap sign stands in the text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .patterns import lazy


@dataclass(frozen=True, slots=True)
class _Shape:
    """A pattern whose group "secret" (or whole match) is masked when `accepts` says so.

    `signs` are lower-case strings, one of which stands in every text that can match; none: digits decide.
    """

    kind: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool]


def mask_secrets(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with every secret replaced by "[secret: kind]", and the kinds in order of appearance."""
    found = find_secrets(text)
    if not found:
        return text, ()
    pieces: list[str] = []
    position = 0
    for start, end, kind in found:
        pieces += [text[position:start], f"[secret: {kind}]"]
        position = end
    return "".join([*pieces, text[position:]]), tuple(kind for _, _, kind in found)


def has_secret(text: str) -> bool:
    return bool(find_secrets(text))


def find_secrets(text: str) -> list[tuple[int, int, str]]:
    """Every secret as (start, end, kind), in order, none overlapping another."""
    found: list[tuple[int, int, str]] = []
    lowered = text.lower()
    if not _may_hold_one(text, lowered):
        return found
    for shape in _SHAPES:
        if not any(map(lowered.__contains__, shape.signs)):
            continue
        for match in shape.pattern.finditer(text):
            group: int | str = "secret" if "secret" in match.re.groupindex else 0
            if shape.accepts(match[group]):
                found.append((*match.span(group), shape.kind))
    return _first_of_overlapping(found)


def _first_of_overlapping(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    kept: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found, key=lambda each: (each[0], -each[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end, kind))
        elif end > kept[-1][1]:  # two shapes share characters: one marker covers both
            kept[-1] = (kept[-1][0], end, kept[-1][2])
    return kept


def _always(secret: str) -> bool:
    return True


#: First digit of a card number to the lengths in use: Amex and Diners, Visa, Mastercard, Discover, UnionPay.
_CARD_LENGTHS = {2: (16,), 3: (14, 15, 16), 4: (13, 16, 19), 5: (16,), 6: (16, 17, 18, 19)}


def _luhn(secret: str) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1), for first digits and lengths that are issued."""
    digits = [int(character) for character in secret if character.isdigit()]
    if len(digits) not in _CARD_LENGTHS.get(digits[0], ()) or len(set(digits)) < 2:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(secret: str) -> bool:
    """The check of IBANs: rearranged and read as a number, it leaves 1 modulo 97 (ISO 13616)."""
    compact = "".join(secret.split()).upper()
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def _entropy(secret: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(secret)
    return -sum(count / len(secret) * math.log2(count / len(secret)) for count in counts.values())


def _is_random(secret: str) -> bool:
    """A value that no one would write by hand: long enough, mixed, and of high entropy."""
    mixed = any(c.isdigit() for c in secret) and any(c.isalpha() for c in secret)
    return len(secret) >= 12 and mixed and _entropy(secret) >= 3.0


_PLAIN_WORDS = frozenset(
    """wrong incorrect required expired weak strong safe secure invalid protected too not so very really the a
    an my your same different changed reset forgotten lost stolen compromised unknown correct missing
    hidden gone always still just what that this long short simple complicated now in on at been never hard
    easy encrypted hashed stored saved written working broken for and or to of with something manager managers
    security important terrible stupid old new good bad out field length policy protection generator
    valid fine ok okay needed set stuck hers his mine yours being case-sensitive below above sent kept
    optional empty blank none null true false string str""".split()
)


def _is_password(secret: str) -> bool:
    """ "my password is wrong" states nothing; "my password is hunter2" does."""
    bare = secret.strip(".,!?;:'\"“”`").lower()
    return len(bare) >= 3 and bare not in _PLAIN_WORDS and not bare.endswith(("ing", "ed", "ly"))


def _is_assigned(secret: str) -> bool:
    """ "password: ..." followed by anything but a plain remark."""
    return _is_password(secret) and not set(secret) <= set("*•.x_-<>[]{}")


def _shape(kind: str, signs: str, pattern: str, accepts: Callable[[str], bool] = _always) -> _Shape:
    return _Shape(kind, tuple(signs.split()), lazy(pattern, re.IGNORECASE), accepts)


_KEYS = (
    r"(?<![A-Za-z0-9])(?-i:sk-(?:ant-|proj-|or-|svcacct-)?[A-Za-z0-9_-]{16,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"
    r"|whsec_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"(?![A-Za-z0-9])|AIza[A-Za-z0-9_-]{30,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{16,}"
    r"|glpat-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}"
    r"|gsk_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"
    r"|dop_v1_[a-f0-9]{40,}|ya29\.[A-Za-z0-9_-]{20,})"
)
_DIGITS = "0 1 2 3 4 5 6 7 8 9"
_NAMED = r"(?:pass(?:word|phrase|code|wd)|pwd|密码|密碼|口令)"

_SHAPES = (
    _shape(
        "private key",
        "-----begin",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\s\S])*"
        r"(?:-----END [A-Z ]{0,40}-----)?",
    ),
    _shape(
        "api key",
        "sk- sk_ rk_ whsec_ gh akia asia aiza xox xapp- glpat- hf_ npm_ pypi- gsk_ r8_ sg. dop_v1_ ya29.",
        _KEYS,
    ),
    _shape(
        "token",
        "eyj",
        r"(?<![A-Za-z0-9_-])(?-i:eyJ)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]{4,})?",
    ),
    _shape("token", "bearer", r"\bbearer\s{1,3}(?P<secret>[A-Za-z0-9._~+/-]{12,}={0,2})", _is_random),
    _shape(
        "token",
        "token key secret auth",
        r"(?:token|api[_ -]?key|access[_ -]?key|secret(?:[_ -]?(?:access[_ -]?)?key)?|auth[_-]?key)['\"]?"
        r"(?:\s{0,3}(?:=|:)|\s{1,3}is)\s{0,3}['\"]?(?P<secret>[A-Za-z0-9._~+/=-]{12,})",
        _is_random,
    ),
    _shape("password", "://", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:(?P<secret>[^\s:/@]{1,128})@"),
    _shape(
        "password",
        "pass pwd",
        r"\b(?:pass(?:word|phrase|code|wd)|pwd)s?\b['\"]?\s{0,3}(?:=|:|->)\s{0,3}(?P<secret>[^\s,;]{3,128})",
        _is_assigned,
    ),
    _shape(
        "password",
        "pass pwd",
        r"\b(?:pass(?:word|phrase|code|wd)|pwd)\b(?:\s{1,3}(?!is\b|was\b)\w{1,20}){0,5}\s{1,3}(?:is|was)\s{1,3}"
        r"(?:now\s{1,3}|still\s{1,3}|just\s{1,3})?(?P<secret>['\"“`][^'\"”`\n]{3,64}['\"”`]|[^\s,;]{3,128})",
        _is_password,
    ),
    _shape(
        "password",
        "密码 密碼 口令",
        r"(?:密码|密碼|口令)\s{0,3}(?:是|为|為|:|：|=)\s{0,3}(?P<secret>[!-~]{3,64})",
    ),
    _shape(
        "pin",
        "pin",
        r"\b(?:pin|pin\s(?:code|number))\b(?:\s{1,3}(?!is\b)[a-z]{1,12}){0,4}\s{0,3}(?:is|=|:)\s{0,3}"
        r"(?:now\s)?(?P<secret>\d{4,8})\b",
    ),
    _shape("card number", _DIGITS, r"(?<![\w.-])(?<!\d[ -])\d(?:[ -]?\d){12,18}(?![\w-]|[ ]\d|\.\d)", _luhn),
    _shape("iban", _DIGITS, r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?\b", _iban),
    _shape(
        "social security number",
        "ssn social",
        r"\b(?:ssn|social\s{1,3}security(?:\s{1,3}(?:number|no\.?))?)\b[^\d\n]{0,20}"
        r"(?P<secret>\d{3}[- ]?\d{2}[- ]?\d{4})\b",
    ),
)
#: One cheap look that most chat does not pass: a word that announces a secret, or its shape.
_SIGNS = (
    "pass", "pwd", "pin", "token", "key", "secret", "bearer", "auth", "ssn", "ocial sec", "密码", "密碼",
    "口令", "-----begin", "eyj", "://", "akia", "asia", "aiza", "sg.", "ya29.",
)  # fmt: skip
_SHAPED = lazy(r"\d[\d -]{11}|\b[A-Za-z]{2}\d{2}[ A-Za-z0-9]|[A-Za-z0-9]{2}[_-][A-Za-z0-9_-]{8}")
_SHAPE_MARK = lazy(r"[\d_-]")


def _may_hold_one(text: str, lowered: str) -> bool:
    if any(map(lowered.__contains__, _SIGNS)):
        return True
    return bool(_SHAPE_MARK.search(text) and _SHAPED.search(text))
