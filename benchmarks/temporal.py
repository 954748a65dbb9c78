"""Dates of LoCoMo's temporal questions (category 2): does a date found in the evidence fit the answer?

    python benchmarks/temporal.py path/to/locomo.json [--json out.json] [--misses]

The corrected key is used where the file has one (`audit`). A question counts when its answer names a date.
exact: an interval of the answer's grain at the answer's place; contained: one lies within the other;
wrong: dates were found and none touches the answer; none: no date was found. Beside it, for "none", how
often the day the message was said fits. If `dateparser` is installed its `search_dates` runs on the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from memu_like.models import Grain, Occurred
from memu_like.pure.dates import find_dates

Finder = Callable[[str, datetime], Sequence[Occurred]]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SEASONS = {"spring": 3, "summer": 6, "fall": 9, "autumn": 9, "winter": 12}
_MONTH = r"(?P<month>(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*)"
_DATE = re.compile(
    rf"(?P<day>\d{{1,2}})[`'’]?(?:st|nd|rd|th)?\s*{_MONTH}\.?,?\s*(?P<year>\d{{4}})"
    rf"|(?P<month2>(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*)\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s*(?P<year2>\d{{4}})",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(rf"{_MONTH}[.,]*\s*(?:of\s+)?(?P<year>\d{{4}})", re.IGNORECASE)
_GRAINS: dict[str, Grain] = {"part": "day", "hour": "day", "minute": "day"}


@dataclass(frozen=True)
class Question:
    text: str
    answer: Occurred
    evidence: tuple[tuple[str, datetime], ...]


def main() -> None:
    arguments = _arguments()
    conversations = json.loads(arguments.data.read_text(encoding="utf-8"))
    questions = [question for conversation in conversations for question in _questions(conversation)]
    turns = [turn for conversation in conversations for turn in _turns(conversation["conversation"]).values()]
    finders: dict[str, tuple[Finder, int]] = {"memu-like": (find_dates, len(turns))}
    if (other := _dateparser()) is not None:
        finders["dateparser"] = (other, 200)
    rows = {name: _row(finder, questions, turns[:sample]) for name, (finder, sample) in finders.items()}
    _print(rows, len(questions))
    if arguments.misses:
        _print_misses(questions)
    if arguments.json:
        report = {"machine": _machine(), "questions": len(questions), "rows": rows}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="a LoCoMo file")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--misses", action="store_true", help="print the questions that are not exact")
    return parser.parse_args()


def _row(
    finder: Finder, questions: Sequence[Question], turns: Sequence[tuple[str, datetime]]
) -> dict[str, float]:
    verdicts = Counter(_verdict(finder, question) for question in questions)
    began = time.perf_counter()
    for text, said in turns:
        finder(text, said)
    seconds = time.perf_counter() - began
    total = max(1, len(questions))
    shares = {name: round(verdicts[name] / total, 4) for name in ("exact", "contained", "wrong")}
    none = verdicts["none"] + verdicts["none, said that day"]
    return {
        **shares,
        "none": round(none / total, 4),
        "none_but_message_day_fits": round(verdicts["none, said that day"] / total, 4),
        "ms_per_turn": round(1000 * seconds / max(1, len(turns)), 4),
    }


def _verdict(finder: Finder, question: Question) -> str:
    answer = question.answer
    found = [item for text, said in question.evidence for item in finder(text, said)]
    if not found:
        days = [said.replace(hour=0, minute=0) for _, said in question.evidence]
        fits = any(day < answer.end and answer.start < day + timedelta(days=1) for day in days)
        return "none, said that day" if fits else "none"
    if any(_is_exact(item, answer) for item in found):
        return "exact"
    return "contained" if any(_is_contained(item, answer) for item in found) else "wrong"


def _is_exact(item: Occurred, answer: Occurred) -> bool:
    grain = _GRAINS.get(item.grain, item.grain)
    if grain != answer.grain:
        return False
    if grain == "day":
        return item.start.date() == answer.start.date()
    return item.start < answer.end and answer.start < item.end


def _is_contained(item: Occurred, answer: Occurred) -> bool:
    return (item.start <= answer.start and answer.end <= item.end) or (
        answer.start <= item.start and item.end <= answer.end
    )


def _questions(conversation: dict[str, Any]) -> Iterator[Question]:
    turns = _turns(conversation["conversation"])
    for entry in conversation["qa"]:
        if entry["category"] != 2:
            continue
        audit = entry.get("audit", {})
        answer = _gold(str(audit.get("correct_answer", entry.get("answer", ""))))
        cited = " ".join(audit.get("correct_evidence", entry["evidence"]))
        names = [f"D{int(a)}:{int(b)}" for a, b in re.findall(r"D:?(\d+):(\d+)", cited)]
        evidence = tuple(turns[name] for name in names if name in turns)
        if answer is not None and evidence:
            yield Question(entry["question"], answer, evidence)


def _turns(conversation: dict[str, Any]) -> dict[str, tuple[str, datetime]]:
    turns: dict[str, tuple[str, datetime]] = {}
    for key, value in conversation.items():
        if re.fullmatch(r"session_\d+", key):
            said = datetime.strptime(conversation[f"{key}_date_time"], "%I:%M %p on %d %B, %Y")
            turns |= {turn["dia_id"]: (turn["text"], said) for turn in value}
    return turns


def _gold(answer: str) -> Occurred | None:
    """The interval an answer names; None where it names none ("4 years", "her mother")."""
    words = answer.split("(")[0].lower().strip(" .")
    if "between" in words:
        return None
    if found := _DATE.search(words):
        day = int(found["day"] or found["day2"])
        day_at = datetime(
            int(found["year"] or found["year2"]), _month(found["month"] or found["month2"]), day
        )
        return _around(words[: found.start()], day_at, answer)
    if found := _MONTH_YEAR.search(words):
        return _in_month(words[: found.start()], int(found["year"]), _month(found["month"]), answer)
    season = re.search(r"(spring|summer|fall|autumn|winter)\s+(?:of\s+)?(\d{4})", words)
    if season:
        first = datetime(int(season[2]), _SEASONS[season[1]], 1)
        return Occurred(first, _months_later(first, 3), "season", answer)
    year = re.fullmatch(r"(?:in |since |around )?(\d{4})", words)
    return _occurred(datetime(int(year[1]), 1, 1), 0, "year", answer) if year else None


def _around(before: str, day: datetime, answer: str) -> Occurred:
    """ "the week before 9 June 2023", "two weekends before", "the Friday before", "the weekend of"."""
    count = 2 if "two" in before else 1
    sign = 1 if "after" in before else -1
    if "weekend" in before:
        saturday = day + timedelta(days=(5 - day.weekday()) % 7 or 7 * (sign > 0))
        weeks = 0 if "of" in before else (count - 1 if sign > 0 else -count)
        return _occurred(saturday + timedelta(weeks=weeks), 2, "weekend", answer)
    if "week" in before:
        start = day + timedelta(weeks=(0 if "of" in before else sign * count - (sign > 0)))
        return _occurred(start, 7, "week", answer)
    for number, name in enumerate(_DAYS):
        if name in before:
            return _occurred(day - timedelta(days=(day.weekday() - number - 1) % 7 + 1), 1, "day", answer)
    return _occurred(day, 1, "day", answer)


def _in_month(before: str, year: int, month: int, answer: str) -> Occurred:
    first = datetime(year, month, 1)
    if "weekend" in before:
        return _occurred(first + timedelta(days=(5 - first.weekday()) % 7), 2, "weekend", answer)
    if "last week" in before:
        return _occurred(_months_later(first, 1) - timedelta(days=7), 7, "week", answer)
    return Occurred(first, _months_later(first, 1), "month", answer)


def _occurred(start: datetime, days: int, grain: Grain, answer: str) -> Occurred:
    end = start + timedelta(days=days) if days else start.replace(year=start.year + 1)
    return Occurred(start, end, grain, answer)


def _months_later(first: datetime, count: int) -> datetime:
    years, index = divmod(first.month - 1 + count, 12)
    return first.replace(year=first.year + years, month=index + 1)


def _month(word: str) -> int:
    return _MONTHS.index(word[:3].lower()) + 1


def _dateparser() -> Finder | None:
    try:
        from dateparser.search import search_dates  # type: ignore[import-untyped]
    except ImportError:
        return None

    def find(text: str, said: datetime) -> list[Occurred]:
        settings = {"RELATIVE_BASE": said, "PREFER_DATES_FROM": "past"}
        found = search_dates(text, languages=["en"], settings=settings) or []
        days = [(words, when.replace(hour=0, minute=0, second=0, microsecond=0)) for words, when in found]
        return [_occurred(day.replace(tzinfo=None), 1, "day", words) for words, day in days]

    return find


def _print(rows: dict[str, dict[str, float]], count: int) -> None:
    print(f"{count} questions; {_machine()}\n")
    columns = list(next(iter(rows.values())))
    print("| finder | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{row[column]:g}" for column in columns) + " |")


def _print_misses(questions: Sequence[Question]) -> None:
    for question in questions:
        verdict = _verdict(find_dates, question)
        if verdict == "exact":
            continue
        print(f"\n{verdict}: {question.text} -> {question.answer.text}")
        for text, said in question.evidence:
            found = [
                (item.text, item.start.date().isoformat(), item.grain) for item in find_dates(text, said)
            ]
            print(f"  {said.date()} {text!r} {found}")


def _machine() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
