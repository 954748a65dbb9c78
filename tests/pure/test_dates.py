from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memu_like.pure.dates import MOST_DATES, find_dates

# A Wednesday in the afternoon; the offset is odd on purpose, so that a lost tzinfo shows.
SAID = datetime(2023, 7, 12, 15, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

# wording, first day, day after the last, grain
ENGLISH = [
    ("I went there yesterday", "2023-07-11", "2023-07-12", "day"),
    ("today was long", "2023-07-12", "2023-07-13", "day"),
    ("see you tomorrow", "2023-07-13", "2023-07-14", "day"),
    ("the day before yesterday", "2023-07-10", "2023-07-11", "day"),
    ("the day after tomorrow", "2023-07-14", "2023-07-15", "day"),
    ("three days ago", "2023-07-09", "2023-07-10", "day"),
    ("two nights ago", "2023-07-10", "2023-07-11", "day"),
    ("a week ago", "2023-07-03", "2023-07-10", "week"),
    ("two weeks ago", "2023-06-26", "2023-07-03", "week"),
    ("2 months ago", "2023-05-01", "2023-06-01", "month"),
    ("a year ago", "2022-01-01", "2023-01-01", "year"),
    ("10 years ago", "2013-01-01", "2014-01-01", "year"),
    ("about twenty years ago", "2003-01-01", "2004-01-01", "year"),
    ("a fortnight ago", "2023-06-26", "2023-07-03", "week"),
    ("two decades ago", "2003-01-01", "2004-01-01", "year"),
    ("a couple of days ago", "2023-07-09", "2023-07-11", "span"),
    ("a few months ago", "2023-02-01", "2023-06-01", "span"),
    ("several years ago", "2014-01-01", "2021-01-01", "span"),
    ("a few years back", "2018-01-01", "2022-01-01", "span"),
    ("two weekends ago", "2023-07-01", "2023-07-03", "weekend"),
    ("two Fridays ago", "2023-06-30", "2023-07-01", "day"),
    ("two summers ago", "2021-06-01", "2021-09-01", "season"),
    ("last week", "2023-07-03", "2023-07-10", "week"),
    ("this week", "2023-07-10", "2023-07-17", "week"),
    ("earlier this week", "2023-07-10", "2023-07-17", "week"),
    ("next week", "2023-07-17", "2023-07-24", "week"),
    ("the week before last", "2023-06-26", "2023-07-03", "week"),
    ("the week after next", "2023-07-24", "2023-07-31", "week"),
    ("last month", "2023-06-01", "2023-07-01", "month"),
    ("later this month", "2023-07-01", "2023-08-01", "month"),
    ("next month", "2023-08-01", "2023-09-01", "month"),
    ("last year", "2022-01-01", "2023-01-01", "year"),
    ("this year", "2023-01-01", "2024-01-01", "year"),
    ("next year", "2024-01-01", "2025-01-01", "year"),
    ("last weekend", "2023-07-08", "2023-07-10", "weekend"),
    ("this past weekend", "2023-07-08", "2023-07-10", "weekend"),
    ("we're camping this weekend", "2023-07-15", "2023-07-17", "weekend"),
    ("we camped this weekend", "2023-07-08", "2023-07-10", "weekend"),
    ("next weekend", "2023-07-22", "2023-07-24", "weekend"),
    ("We camped over the weekend", "2023-07-08", "2023-07-10", "weekend"),
    ("We will camp over the weekend", "2023-07-15", "2023-07-17", "weekend"),
    ("last Friday", "2023-07-07", "2023-07-08", "day"),
    ("last Wednesday", "2023-07-05", "2023-07-06", "day"),
    ("this past Monday", "2023-07-10", "2023-07-11", "day"),
    ("this Friday", "2023-07-14", "2023-07-15", "day"),
    ("next Friday", "2023-07-21", "2023-07-22", "day"),
    ("I ran on Monday", "2023-07-10", "2023-07-11", "day"),
    ("I'm going to run on Monday", "2023-07-17", "2023-07-18", "day"),
    ("Can't wait for Saturday!", "2023-07-15", "2023-07-16", "day"),
    ("Friday was great", "2023-07-07", "2023-07-08", "day"),
    ("We went. It will rain on Sunday", "2023-07-16", "2023-07-17", "day"),
    ("He is a dog person, but Rex sat on my lap on Friday, so we'll see", "2023-07-07", "2023-07-08", "day"),
    ("We slept in on Saturday", "2023-07-08", "2023-07-09", "day"),
    ("I phoned Ana on Sunday and she cried", "2023-07-09", "2023-07-10", "day"),
    ("Rainy Wednesday, tea on the balcony", "2023-07-12", "2023-07-13", "day"),
    ("It's Wednesday already", "2023-07-12", "2023-07-13", "day"),
    ("I ran on Wednesday", "2023-07-05", "2023-07-06", "day"),
    ("I'll run on Wednesday", "2023-07-19", "2023-07-20", "day"),
    ("My exam is on Friday", "2023-07-14", "2023-07-15", "day"),
    ("I have an interview on Monday", "2023-07-17", "2023-07-18", "day"),
    ("I had an interview on Monday", "2023-07-10", "2023-07-11", "day"),
    ("The report must be in by Friday", "2023-07-14", "2023-07-15", "day"),
    ("It will be finished on Friday", "2023-07-14", "2023-07-15", "day"),
    ("I booked a table for Friday", "2023-07-14", "2023-07-15", "day"),
    ("I booked it on Friday", "2023-07-07", "2023-07-08", "day"),
    ("I usually swim, but on Friday I ran", "2023-07-07", "2023-07-08", "day"),
    ("We met every day in May", "2023-05-01", "2023-06-01", "month"),
    ("in June", "2023-06-01", "2023-07-01", "month"),
    ("I was there in September", "2022-09-01", "2022-10-01", "month"),
    ("We will move in September", "2023-09-01", "2023-10-01", "month"),
    ("in July", "2023-07-01", "2023-08-01", "month"),
    ("last June", "2023-06-01", "2023-07-01", "month"),
    ("last July", "2022-07-01", "2022-08-01", "month"),
    ("next May", "2024-05-01", "2024-06-01", "month"),
    ("in early March", "2023-03-01", "2023-04-01", "month"),
    ("June 2021", "2021-06-01", "2021-07-01", "month"),
    ("in Sept. 2021", "2021-09-01", "2021-10-01", "month"),
    ("in 2019", "2019-01-01", "2020-01-01", "year"),
    ("back in 2013", "2013-01-01", "2014-01-01", "year"),
    ("since 2016", "2016-01-01", "2017-01-01", "year"),
    ("I have played for three years", "2020-01-01", "2021-01-01", "year"),
    ("Seven years now!", "2016-01-01", "2017-01-01", "year"),
    ("on 5 May", "2023-05-05", "2023-05-06", "day"),
    ("on the 5th of May 2022", "2022-05-05", "2022-05-06", "day"),
    ("May 5th, 2023", "2023-05-05", "2023-05-06", "day"),
    ("October 13", "2023-10-13", "2023-10-14", "day"),
    ("she was born on October 13", "2022-10-13", "2022-10-14", "day"),
    ("It will be on Jan 3", "2024-01-03", "2024-01-04", "day"),
    ("We booked the flights already: from Oslo on 9 February", "2024-02-09", "2024-02-10", "day"),
    ("We got tickets for 20 March", "2024-03-20", "2024-03-21", "day"),
    ("The course starts on 3 March", "2024-03-03", "2024-03-04", "day"),
    ("The interview is on 3 January", "2024-01-03", "2024-01-04", "day"),
    ("Deadline 1 April", "2024-04-01", "2024-04-02", "day"),
    ("I'm going to Ana's wedding on 2 June", "2024-06-02", "2024-06-03", "day"),
    ("The wedding was on 2 June", "2023-06-02", "2023-06-03", "day"),
    ("The vet wants to see her on 2 April", "2024-04-02", "2024-04-03", "day"),
    ("Ana and I, 2 June", "2023-06-02", "2023-06-03", "day"),
    ("2023-05-08", "2023-05-08", "2023-05-09", "day"),
    ("2023/05/08", "2023-05-08", "2023-05-09", "day"),
    ("5/13/2023", "2023-05-13", "2023-05-14", "day"),
    ("13/5/2023", "2023-05-13", "2023-05-14", "day"),
    ("5/5/2023", "2023-05-05", "2023-05-06", "day"),
    ("the 90s", "1990-01-01", "2000-01-01", "decade"),
    ("the 1980s", "1980-01-01", "1990-01-01", "decade"),
    ("the seventies", "1970-01-01", "1980-01-01", "decade"),
    ("last summer", "2022-06-01", "2022-09-01", "season"),
    ("this summer", "2023-06-01", "2023-09-01", "season"),
    ("last spring", "2023-03-01", "2023-06-01", "season"),
    ("next fall", "2023-09-01", "2023-12-01", "season"),
    ("last winter", "2022-12-01", "2023-03-01", "season"),
    ("the summer of 2021", "2021-06-01", "2021-09-01", "season"),
    ("winter 2021", "2021-12-01", "2022-03-01", "season"),
    ("Christmas was quiet", "2022-12-25", "2022-12-26", "day"),
    ("last Christmas", "2022-12-25", "2022-12-26", "day"),
    ("this Christmas", "2023-12-25", "2023-12-26", "day"),
    ("next Thanksgiving", "2023-11-23", "2023-11-24", "day"),
    ("Halloween 2021", "2021-10-31", "2021-11-01", "day"),
    ("last New Year's Eve", "2022-12-31", "2023-01-01", "day"),
    ("the 4th of July", "2023-07-04", "2023-07-05", "day"),
    ("last Valentine’s Day", "2023-02-14", "2023-02-15", "day"),
    ("last Memorial Day", "2023-05-29", "2023-05-30", "day"),
    ("Mother's Day 2023", "2023-05-14", "2023-05-15", "day"),
    ("In two weeks I'll fly", "2023-07-24", "2023-07-31", "week"),
    ("three months from now", "2023-10-01", "2023-11-01", "month"),
    ("the past two months", "2023-05-01", "2023-07-13", "span"),
    ("the other day", "2023-07-05", "2023-07-12", "span"),
    ("the first weekend of August 2023", "2023-08-05", "2023-08-07", "weekend"),
    ("the last Friday of May", "2023-05-26", "2023-05-27", "day"),
    ("the second week of June", "2023-06-08", "2023-06-15", "week"),
    ("We met on the 3rd", "2023-07-03", "2023-07-04", "day"),
    ("We met on the 15th", "2023-06-15", "2023-06-16", "day"),
    ("We'll meet on the 3rd", "2023-08-03", "2023-08-04", "day"),
]
CHINESE = [
    ("今天很累", "2023-07-12", "2023-07-13", "day"),
    ("我昨天去了", "2023-07-11", "2023-07-12", "day"),
    ("前天", "2023-07-10", "2023-07-11", "day"),
    ("大前天", "2023-07-09", "2023-07-10", "day"),
    ("明天见", "2023-07-13", "2023-07-14", "day"),
    ("后天出发", "2023-07-14", "2023-07-15", "day"),
    ("上周五", "2023-07-07", "2023-07-08", "day"),
    ("上上周五", "2023-06-30", "2023-07-01", "day"),
    ("上个星期天", "2023-07-09", "2023-07-10", "day"),
    ("这周三", "2023-07-12", "2023-07-13", "day"),
    ("下周一", "2023-07-17", "2023-07-18", "day"),
    ("周五我去了", "2023-07-07", "2023-07-08", "day"),
    ("周五我要去", "2023-07-14", "2023-07-15", "day"),
    ("上周", "2023-07-03", "2023-07-10", "week"),
    ("下个星期", "2023-07-17", "2023-07-24", "week"),
    ("上周末", "2023-07-08", "2023-07-10", "weekend"),
    ("这个周末", "2023-07-15", "2023-07-17", "weekend"),
    ("上个月", "2023-06-01", "2023-07-01", "month"),
    ("下个月15号", "2023-08-15", "2023-08-16", "day"),
    ("本月", "2023-07-01", "2023-08-01", "month"),
    ("去年", "2022-01-01", "2023-01-01", "year"),
    ("今年", "2023-01-01", "2024-01-01", "year"),
    ("明年", "2024-01-01", "2025-01-01", "year"),
    ("前年", "2021-01-01", "2022-01-01", "year"),
    ("三天前", "2023-07-09", "2023-07-10", "day"),
    ("两个星期前", "2023-06-26", "2023-07-03", "week"),
    ("三个月前", "2023-04-01", "2023-05-01", "month"),
    ("十二年前", "2011-01-01", "2012-01-01", "year"),
    ("几年前", "2018-01-01", "2022-01-01", "span"),
    ("半年前", "2023-01-01", "2023-02-01", "month"),
    ("两周后", "2023-07-24", "2023-07-31", "week"),
    ("六月", "2023-06-01", "2023-07-01", "month"),
    ("6月15日", "2023-06-15", "2023-06-16", "day"),
    ("十一月二十三日", "2023-11-23", "2023-11-24", "day"),
    ("2023年", "2023-01-01", "2024-01-01", "year"),
    ("2023年5月", "2023-05-01", "2023-06-01", "month"),
    ("2023年5月8日", "2023-05-08", "2023-05-09", "day"),
    ("二〇二二年三月", "2022-03-01", "2022-04-01", "month"),
    ("去年六月", "2022-06-01", "2022-07-01", "month"),
    ("去年夏天", "2022-06-01", "2022-09-01", "season"),
    ("明年的春天", "2024-03-01", "2024-06-01", "season"),
    ("今年国庆", "2023-10-01", "2023-10-02", "day"),
    ("去年圣诞节", "2022-12-25", "2022-12-26", "day"),
    ("九十年代", "1990-01-01", "2000-01-01", "decade"),
    ("我学了五年了", "2018-01-01", "2019-01-01", "year"),
]
PARTS = [
    ("last night", "2023-07-11T18:00", "2023-07-12T06:00", "part"),
    ("tonight", "2023-07-12T18:00", "2023-07-13T06:00", "part"),
    ("this morning", "2023-07-12T05:00", "2023-07-12T12:00", "part"),
    ("yesterday evening", "2023-07-11T17:00", "2023-07-12T00:00", "part"),
    ("on Monday morning I ran", "2023-07-10T05:00", "2023-07-10T12:00", "part"),
    ("two hours ago", "2023-07-12T13:00", "2023-07-12T14:00", "hour"),
    ("ten minutes ago", "2023-07-12T15:20", "2023-07-12T15:21", "minute"),
    ("2023-05-08 12:30", "2023-05-08T12:30", "2023-05-08T12:31", "minute"),
    ("昨天晚上", "2023-07-11T18:00", "2023-07-12T06:00", "part"),
    ("今早", "2023-07-12T05:00", "2023-07-12T12:00", "part"),
    ("刚才", "2023-07-12T14:30", "2023-07-12T15:30", "span"),
]
NO_DATE = [
    "every Friday I swim",
    "on Fridays",
    "the long run on Sunday mornings",
    "every other Friday I swim",
    "every Monday and Friday",
    "football each single Friday",
    "I usually swim on Friday",
    "I swim on Friday each week",
    "twice a week on Friday",
    "I was born on a Friday",
    "We always camp in July",
    "I always have tea on the balcony, even in winter",
    "We go there every Christmas",
    "every summer",
    "Black Friday",
    "I may go",
    "We march on",
    "Do not fall in love",
    "spring water",
    "5/8/2023",
    "31 June",
    "February 30, 2021",
    "2023-13-40",
    "I finished it in two weeks",
    "in my 20s",
    "version 3.11.7",
    "call 555 2016",
    "the winter coat",
    "I ate 5 apples",
    "9999 years ago",
    "when I was 12",
    "",
    "每周五",
    "今年八十五岁",
    "一个月",
    "第五年了",
    "6月31日",
    "13月",
    "面前",
]


@pytest.mark.parametrize(("text", "start", "end", "grain"), ENGLISH + CHINESE + PARTS)
def test_wording_resolves_to_its_interval(text: str, start: str, end: str, grain: str) -> None:
    found = find_dates(text, SAID)
    assert len(found) == 1
    assert found[0].start == datetime.fromisoformat(start).replace(tzinfo=SAID.tzinfo)
    assert found[0].end == datetime.fromisoformat(end).replace(tzinfo=SAID.tzinfo)
    assert found[0].grain == grain


@pytest.mark.parametrize("text", NO_DATE)
def test_what_names_no_single_time_gives_no_date(text: str) -> None:
    assert find_dates(text, SAID) == ()


def test_wording_is_kept_as_written() -> None:
    text = "Well, TWO  Weekends ago we met, and on 5 May we parted"
    assert [found.text for found in find_dates(text, SAID)] == ["TWO  Weekends ago", "5 May"]


def test_longest_wording_wins_where_two_overlap() -> None:
    assert [found.text for found in find_dates("on May 5th, 2023 and 2023年5月8日", SAID)] == [
        "May 5th, 2023",
        "2023年5月8日",
    ]


def test_sunday_belongs_to_the_week_that_began_on_monday() -> None:
    sunday = datetime(2023, 7, 16, 9, tzinfo=UTC)
    assert find_dates("last week", sunday)[0].start.day == 3
    assert find_dates("this weekend", sunday)[0].start.day == 15
    assert find_dates("last weekend", sunday)[0].start.day == 8


def test_winter_season_in_january_is_the_one_under_way() -> None:
    january = datetime(2023, 1, 20)
    assert find_dates("this winter", january)[0].start == datetime(2022, 12, 1)
    assert find_dates("last winter", january)[0].start == datetime(2021, 12, 1)


def test_month_arithmetic_crosses_years_and_month_ends() -> None:
    assert find_dates("last month", datetime(2024, 1, 31))[0].start == datetime(2023, 12, 1)
    assert find_dates("three months ago", datetime(2024, 5, 31))[0].start == datetime(2024, 2, 1)


def test_naive_time_gives_naive_intervals() -> None:
    assert find_dates("yesterday", datetime(2023, 7, 12))[0].start.tzinfo is None


def test_number_of_dates_is_bounded() -> None:
    assert 0 < len(find_dates("yesterday, " * 3000, SAID)) <= MOST_DATES


WORDINGS = [case[0] for case in (*ENGLISH, *CHINESE, *PARTS)] + NO_DATE
ANY_TIME = st.datetimes(
    min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.none() | st.timezones()
)


@given(st.lists(st.sampled_from(WORDINGS) | st.text(max_size=20), max_size=6), ANY_TIME)
def test_no_text_and_no_time_raises_and_intervals_have_length(pieces: list[str], said: datetime) -> None:
    text = " ".join(pieces)
    position = 0
    for found in find_dates(text, said):
        assert found.start.replace(tzinfo=None) < found.end.replace(tzinfo=None)
        assert found.start.tzinfo is said.tzinfo
        position = text.index(found.text, position)


@pytest.mark.parametrize("year", [1000, 2999])
@pytest.mark.parametrize("text", WORDINGS)
def test_far_years_are_handled(text: str, year: int) -> None:
    assert isinstance(find_dates(text, datetime(year, 2, 28)), tuple)
