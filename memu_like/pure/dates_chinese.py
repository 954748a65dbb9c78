"""Chinese wordings of time: 昨天, 上周五, 三个月前, 去年夏天, 6月15日.

上周五 names the Friday of the calendar week before; a bare 周五 follows the sentence's tense. Simplified
and traditional characters are both read. Moving feasts (春节, 中秋) need the lunar calendar: left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from . import intervals as calendar
from .intervals import Interval
from .patterns import lazy

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "兩": 2,
}
_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
_NEAR_DAYS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "後": 2, "大后": 3, "大後": 3}
_NEAR_YEARS = {"大前": -3, "前": -2, "去": -1, "今": 0, "本": 0, "明": 1, "后": 2, "後": 2}
_RELATIVE = {"上上": -2, "上": -1, "这": 0, "這": 0, "本": 0, "下": 1, "下下": 2}
_SEASONS = {"春": "spring", "夏": "summer", "秋": "autumn", "冬": "winter"}
_PARTS = {"早": "morning", "上": "morning", "中": "noon", "下": "afternoon", "晚": "night", "夜": "night"}
_UNITS = {
    "分钟": "minute",
    "分鐘": "minute",
    "小时": "hour",
    "小時": "hour",
    "天": "day",
    "日": "day",
    "周": "week",
    "週": "week",
    "星期": "week",
    "礼拜": "week",
    "禮拜": "week",
    "月": "month",
    "年": "year",
}
_FEASTS = {
    "元旦": (1, 1),
    "情人节": (2, 14),
    "妇女节": (3, 8),
    "愚人节": (4, 1),
    "劳动节": (5, 1),
    "儿童节": (6, 1),
    "国庆节": (10, 1),
    "国庆": (10, 1),
    "万圣节": (10, 31),
    "平安夜": (12, 24),
    "圣诞节": (12, 25),
    "圣诞": (12, 25),
}

_NUMBER = r"(?P<n>\d{1,3}|[一二两兩三四五六七八九十]{1,3}|几|幾|半)"
_NEAR_YEAR = r"(?P<near>大前|前|去|今|本|明|后|後)年"
_PART = r"(?P<part>早上|早晨|上午|中午|下午|晚上|夜里|夜裡)?"
_FUTURE = lazy(r"将|會|会|要|打算|准备|準備|计划|計劃|想|即将|快到")
_SENTENCE_END = lazy(r"[。！？!?；;\n]")

Resolver = Callable[[str, datetime, re.Match[str]], Interval | None]


def find(text: str, said: datetime) -> Iterator[tuple[int, int, Interval]]:
    """Every reading of every rule, overlaps included, as (start, end, interval)."""
    for pattern, resolve in _RULES:
        for match in pattern.finditer(text):
            try:
                interval = resolve(text, said, match)
            except (ValueError, OverflowError):
                continue  # such as 6月31日, or a year that datetime cannot hold
            if interval is not None and interval.start < interval.end:
                yield match.start(), match.end(), interval


def _is_future(text: str, match: re.Match[str]) -> bool:
    ends = [mark.end() for mark in _SENTENCE_END.finditer(text, max(0, match.start() - 60), match.start())]
    start = ends[-1] if ends else max(0, match.start() - 60)
    following = _SENTENCE_END.search(text, match.end(), match.end() + 60)
    end = following.start() if following else min(len(text), match.end() + 60)
    sentence = text[match.end() : end] + text[start : match.start()]
    return bool(_FUTURE.search(sentence)) and "了" not in sentence


def _amount(words: str) -> tuple[int, int]:
    if words in {"几", "幾"}:
        return 2, 5
    if words.isdecimal():
        return int(words), int(words)
    tens, ten, ones = words.rpartition("十")
    value = 10 * (_DIGITS.get(tens, 1) if ten else 0) + (_DIGITS[ones[-1]] if ones else 0)
    return value, value


def _part(interval: Interval, words: str | None) -> Interval:
    return calendar.part_of(interval, _PARTS[words[0]]) if words else interval


def _near_day(text: str, said: datetime, match: re.Match[str]) -> Interval:
    return _part(calendar.day(said, _NEAR_DAYS[match["near"]]), match["part"])


def _near_part(text: str, said: datetime, match: re.Match[str]) -> Interval:
    whole = calendar.day(said, _NEAR_DAYS[match["near"]])
    return _part(whole, match["part"])


def _weekday(text: str, said: datetime, match: re.Match[str]) -> Interval:
    relative, name = match["rel"], match["day"]
    if relative:
        offset = _RELATIVE[relative]
        if name == "末":
            found = calendar.weekend(said, offset)
        else:
            found = calendar.weekday(said, _WEEKDAYS[name], offset) if name else calendar.week(said, offset)
    elif name == "末":
        ahead = said.weekday() >= 5 or _is_future(text, match)
        found = calendar.weekend(said, 0 if ahead else -1)
    else:
        number = _WEEKDAYS[name]
        back = -((said.weekday() - number - 1) % 7 + 1)
        found = calendar.day(said, (back + 7 or 7) if _is_future(text, match) else back)
    return _part(found, match["part"])


def _relative_month(text: str, said: datetime, match: re.Match[str]) -> Interval:
    whole = calendar.month(said, said.year, said.month + _RELATIVE[match["rel"]])
    if match["day"]:
        number = _amount(match["day"])[0]
        return calendar.date(said, whole.start.year, whole.start.month, number)
    return whole


def _away(text: str, said: datetime, match: re.Match[str]) -> Interval | None:
    sign = -1 if "前" in match["side"] else 1
    unit = _UNITS[match["unit"]]
    if match["n"] == "半":
        if unit == "year":
            return calendar.away(said, "month", 6 * sign, 6 * sign)
        return calendar.away(said, "day", 15 * sign, 15 * sign) if unit == "month" else None
    low, high = _amount(match["n"])
    return calendar.away(said, unit, sign * low, sign * high)


def _for_years(text: str, said: datetime, match: re.Match[str]) -> Interval:
    low, high = _amount(match["n"])
    return calendar.away(said, _UNITS[match["unit"]], -low, -high)


def _year_number(said: datetime, match: re.Match[str]) -> int | None:
    if match["near"]:
        return said.year + _NEAR_YEARS[match["near"]]
    digits = match["year"]
    if not digits:
        return None
    return int("".join(str(_DIGITS.get(character, character)) for character in digits))


def _dated(text: str, said: datetime, match: re.Match[str]) -> Interval | None:
    """A year, a month, a day, or a season, with the year left out or named."""
    year = _year_number(said, match)
    if match["season"]:
        return calendar.season(said, said.year if year is None else year, _SEASONS[match["season"]])
    if not match["month"]:
        return None if year is None else calendar.year(said, year)
    month = _amount(match["month"])[0]
    if not 1 <= month <= 12:
        return None
    number = _amount(match["day"])[0] if match["day"] else None

    def of_year(value: int) -> Interval:
        return calendar.date(said, value, month, number) if number else calendar.month(said, value, month)

    return of_year(year) if year is not None else _nearest_year(text, said, match, of_year)


def _nearest_year(
    text: str, said: datetime, match: re.Match[str], of_year: Callable[[int], Interval]
) -> Interval:
    this = of_year(said.year)
    if this.start <= said < this.end:
        return this
    if this.end <= said:
        return of_year(said.year + 1) if _is_future(text, match) else this
    return this if _is_future(text, match) else calendar.nearest(said, of_year(said.year - 1), this)


def _feast(text: str, said: datetime, match: re.Match[str]) -> Interval:
    month, number = _FEASTS[match["feast"]]
    if match["near"]:
        return calendar.date(said, said.year + _NEAR_YEARS[match["near"]], month, number)
    return _nearest_year(text, said, match, lambda year: calendar.date(said, year, month, number))


def _relative_season(text: str, said: datetime, match: re.Match[str]) -> Interval:
    name, offset = _SEASONS[match["season"]], _RELATIVE[match["rel"]]
    this = calendar.season(said, said.year, name)
    if offset < 0 and this.end > said:
        return calendar.season(said, said.year - 1, name)
    if offset > 0 and this.start <= said:
        return calendar.season(said, said.year + 1, name)
    return this


def _decade(text: str, said: datetime, match: re.Match[str]) -> Interval:
    value = _amount(match["decade"])[0]
    start = said.year // 100 * 100 + value
    return calendar.decade(said, start if start <= said.year else start - 100)


def _just_now(text: str, said: datetime, match: re.Match[str]) -> Interval:
    return Interval(said - timedelta(hours=1), said, "span")


_RULES: tuple[tuple[re.Pattern[str], Resolver], ...] = tuple(
    (lazy(pattern), resolve)
    for pattern, resolve in (
        (rf"(?P<near>大前|前|昨|今|明|大后|大後|后|後)(?:天|日(?!本)){_PART}", _near_day),
        (r"(?P<near>昨|今|明)(?P<part>早|晚|夜)", _near_part),
        (
            r"(?<!每)(?<!每个)(?:(?P<rel>上上|上|这|這|本|下下|下)(?:个|個)?)?(?:周|週|星期|礼拜|禮拜)"
            rf"(?P<day>[一二三四五六日天末]){_PART}",
            _weekday,
        ),
        (
            r"(?P<rel>上上|上|这|這|本|下下|下)(?:个|個)?(?:周|週|星期|礼拜|禮拜)(?![一二三四五六日天末])"
            r"(?P<day>(?!))?(?P<part>(?!))?",
            _weekday,
        ),
        (
            r"(?:(?P<rel>上上|上|这|這|下下|下)(?:个|個)|(?P<this>本))月(?:(?P<day>\d{1,2}|[一二三十四五六七八九]{1,3})[号號日])?",
            lambda text, said, match: (
                _relative_month(text, said, match)
                if match["rel"]
                else calendar.month(said, said.year, said.month)
            ),
        ),
        (
            rf"{_NUMBER}(?:多)?(?:个|個)?(?P<unit>分钟|分鐘|小时|小時|天|日|周|週|星期|礼拜|禮拜|(?<=[个個])月|年)(?:多)?"
            r"(?P<side>以前|之前|前(?!面|后)|以后|之后|以後|之後|后|後)",
            _away,
        ),
        (r"(?<!第)(?P<n>\d{1,2}|[一二两兩三四五六七八九十]{1,3})(?P<unit>年)(?:多)?了", _for_years),
        (
            rf"(?<!每)(?:(?:{_NEAR_YEAR}|(?P<year>\d{{4}}|[一二三四五六七八九零〇]{{4}})年)的?)?"
            r"(?<![\d.一二三四五六七八九十个個每])(?P<month>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])月(?:份)?"
            r"(?:(?P<day>[123]?\d|[一二三]?十[一二三四五六七八九]?|[一二三四五六七八九])[日号號])?(?P<season>(?!))?",
            _dated,
        ),
        (
            # 今年八十五岁 tells an age, not a time.
            rf"(?!今年[满滿才]?[\d一二三四五六七八九十百]{{1,4}}[岁歲])(?:{_NEAR_YEAR}|(?<!\d)(?P<year>\d{{4}}|[一二三四五六七八九零〇]{{4}})年)的?(?:(?P<season>[春夏秋冬])(?:天|季|节)?)?"
            r"(?P<month>(?!))?(?P<day>(?!))?",
            _dated,
        ),
        (rf"(?:{_NEAR_YEAR}的?)?(?P<feast>{'|'.join(sorted(_FEASTS, key=len, reverse=True))})", _feast),
        (r"(?P<rel>上|这|這|下)(?:个|個)(?P<season>[春夏秋冬])天", _relative_season),
        (r"(?<!\d)(?P<decade>\d0|[二三四五六七八九]十)年代", _decade),
        (r"刚才|剛才", _just_now),
    )
)
