"""Names of topics and slots as clients write them: "Basic Info" for a file `basic_info.md`.

A topic is a file's name, a slot a heading. What a client calls the same but for capitals, spaces, "_" and
"-" is the same topic or slot. A slot's heading keeps the name as it was given first; so does the front
matter of a topic's file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from .entering import MAX_NAME, entered_slot, entered_text, entered_topic
from .names import is_reserved
from .rendering import plain_line

_JOINTS = re.compile(r"[\s_-]+")


def name_key(name: str) -> str:
    """What two names are compared by."""
    return _JOINTS.sub("_", unicodedata.normalize("NFC", name).casefold()).strip("_")


def topic_of(name: object, known: Iterable[str]) -> str:
    """The topic that a client means: a known one, else a new one's file name. Raises InvalidInput.

    What no file name can hold becomes "_": "C++" and "C" are one topic.
    """
    given = entered_text("topic", name, mask=False, limit=MAX_NAME)
    topics = list(known)
    same = _same(given, topics)
    if same is not None:
        return same
    small = unicodedata.normalize("NFC", unicodedata.normalize("NFC", given).lower())
    plain = _JOINTS.sub("_", "".join(c if unicodedata.category(c)[0] in "LMN" else "_" for c in small))
    stem = plain.strip("_")
    return entered_topic(f"{stem}_" if is_reserved(stem) else stem or given, topics)


def slot_of(name: object, known: Iterable[str]) -> str:
    """The slot that a client means: a known one, else the name on one line. Raises InvalidInput."""
    given = plain_line(entered_text("sub_topic", name, mask=False, limit=MAX_NAME))
    return _same(given, known) or entered_slot(given)


def shown_topic(topic: str, title: str | None) -> str:
    """The name to tell clients: the file's own title, where it is another spelling of its file's name."""
    return title if title and name_key(title) == name_key(topic) else topic


def _same(given: str, known: Iterable[str]) -> str | None:
    key = name_key(given)
    found = [one for one in known if one == given or (key and name_key(one) == key)]
    return given if given in found else next(iter(found), None)
