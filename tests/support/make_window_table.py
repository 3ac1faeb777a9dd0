#!/usr/bin/env python3
"""Makes tests/support/window_table.inc, which window_test.cpp holds windows against: from Python's own reading of the
time zone database (zoneinfo), by search where the code calculates, and for times past, which no new database changes.

    python3 tests/support/make_window_table.py

A row is a zone, a window, and windows that follow each other, each as label=start (minutes; the label is local time,
the start is UTC); the last one only ends the one before it. A sum is a zone, a window, its first and last year, how
many windows begin in them, and a sum over their labels and starts.
"""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

OUT = Path(__file__).parent / "window_table.inc"
UTC = dt.timezone.utc
EPOCH = dt.datetime(1970, 1, 1)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
KINDS = ("hour", "day", "week", "month", "year", "cycle:15", "cycle:31")

# Zones and times (UTC) at which something happens to their clocks, and why they are here.
TIMES = [
    ("UTC", "2020-12-31T23:59"),  # week 53, which ends in the next year
    ("UTC", "2024-02-29T12:00"),  # a leap day; cycle:31 begins on it
    ("UTC", "2025-02-28T00:00"),  # the last of February in a common year
    ("UTC", "2024-12-31T00:00"),  # in week 1 of the next year
    ("Europe/Berlin", "2024-03-31T01:00"),
    ("Europe/Berlin", "2024-10-27T01:00"),
    ("Europe/Dublin", "2023-03-26T01:00"),  # whose winter is the daylight saving time
    ("Europe/Dublin", "2023-10-29T01:00"),
    ("America/New_York", "2024-03-10T07:00"),
    ("America/New_York", "2024-11-03T06:00"),
    ("America/St_Johns", "2008-03-09T03:31"),  # at one minute past midnight, with half an hour in the offset
    ("America/St_Johns", "2008-11-02T02:31"),  # back over midnight, when the new day is a minute old
    ("America/Sao_Paulo", "2018-02-18T02:00"),  # back over midnight
    ("America/Sao_Paulo", "2018-11-04T03:00"),  # no midnight
    ("America/Santiago", "2023-04-02T03:00"),
    ("America/Santiago", "2023-09-03T04:00"),
    ("America/Havana", "2023-03-12T05:00"),
    ("America/Havana", "2023-11-05T05:00"),
    ("America/Caracas", "2007-12-09T07:00"),  # back by half an hour, for good
    ("America/Caracas", "2016-05-01T07:00"),
    ("Asia/Beirut", "2022-03-26T22:00"),  # no midnight
    ("Asia/Beirut", "2022-10-29T21:00"),
    ("Asia/Kathmandu", "1985-12-31T18:30"),  # 5:30 becomes 5:45 at midnight
    ("Asia/Kathmandu", "2024-06-15T00:00"),
    ("Asia/Kolkata", "2024-12-31T18:30"),
    ("Asia/Pyongyang", "2015-08-14T15:00"),  # back over midnight by half an hour
    ("Asia/Pyongyang", "2018-05-04T15:00"),
    ("Africa/Casablanca", "2023-03-19T02:00"),  # back for a month
    ("Africa/Casablanca", "2023-04-23T02:00"),
    ("Australia/Lord_Howe", "2023-04-01T15:00"),  # half an hour
    ("Australia/Lord_Howe", "2023-09-30T15:30"),
    ("Pacific/Chatham", "2023-04-01T14:00"),
    ("Pacific/Chatham", "2023-09-23T14:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),  # over the date line: no 30 December 2011
    ("Pacific/Kiritimati", "1994-12-31T10:00"),  # no 31 December 1994
    ("Pacific/Kwajalein", "1993-08-21T12:00"),  # no 21 August 1993
    ("Antarctica/Casey", "2020-10-03T16:01"),  # three hours on
    ("Antarctica/Casey", "2021-03-13T13:00"),  # and three hours back over midnight
]


def local(zone: ZoneInfo, at: dt.datetime) -> dt.datetime:
    """What the zone's clock shows, without a zone; `at` is UTC, without a zone too."""
    return at.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def first_by_search(zone: ZoneInfo, wanted: dt.datetime) -> dt.datetime:
    """The first minute in UTC at which the zone's clock shows `wanted` or later, by looking at every minute."""
    at = wanted - dt.timedelta(hours=15)
    while local(zone, at) < wanted:
        at += MINUTE
    return at


def first_by_fold(zone: ZoneInfo, wanted: dt.datetime) -> dt.datetime:
    """The same, quicker: zoneinfo knows the first of two times; in a gap, halving finds its end."""
    at = wanted.replace(tzinfo=zone, fold=0).astimezone(UTC).replace(tzinfo=None)
    if local(zone, at) == wanted:
        return at
    before, after = at - 2 * DAY, at
    while after - before > MINUTE:
        middle = before + (after - before) // MINUTE // 2 * MINUTE
        before, after = (middle, after) if local(zone, middle) < wanted else (before, middle)
    return after


def midnight(time: dt.datetime) -> dt.datetime:
    return time.replace(hour=0, minute=0)


def turn(year: int, month: int, day: int) -> dt.datetime:
    """Day `day` of a month that may be 0 or 13, or its last day."""
    first = dt.datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    following = (first + 31 * DAY).replace(day=1)
    return min(first + (day - 1) * DAY, following - DAY)


def labels_around(kind: str, time: dt.datetime) -> list[dt.datetime]:
    """More labels of a kind than are needed, from before `time` to after it."""
    if kind == "hour":
        return [time.replace(minute=0) + dt.timedelta(hours=n) for n in range(-30, 31)]
    if kind == "day":
        return [midnight(time) + n * DAY for n in range(-4, 5)]
    if kind == "week":
        return [midnight(time) + (7 * n - time.weekday()) * DAY for n in range(-3, 4)]
    if kind == "year":
        return [dt.datetime(time.year + n, 1, 1) for n in range(-2, 4)]
    day = int(kind.removeprefix("cycle:")) if kind != "month" else 1
    return [turn(time.year, time.month + n, day) for n in range(-3, 5)]


def row(name: str, kind: str, at: dt.datetime) -> str:
    """The window in which `at` lies, the one before and the one after, and the start of the next."""
    zone = ZoneInfo(name)
    starts = [(label, first_by_search(zone, label)) for label in labels_around(kind, local(zone, at))]
    for label, start in starts:
        assert start == first_by_fold(zone, label), (name, label)
    # A label whose window would be empty has none.
    starts = [now for now, following in zip(starts, starts[1:]) if now[1] < following[1]]
    current = max(i for i, (_, start) in enumerate(starts) if start <= at)
    shown = starts[current - 1:current + 3]
    return " ".join([name, kind, *(f"{label:%Y-%m-%dT%H:%M}={start:%Y-%m-%dT%H:%MZ}" for label, start in shown)])


def summary(name: str, kind: str, first_year: int, last_year: int) -> str:
    zone = ZoneInfo(name)
    step = dt.timedelta(hours=1) if kind == "hour" else DAY
    label, end = dt.datetime(first_year, 1, 1), dt.datetime(last_year + 1, 1, 1)
    count, total = 0, 0
    start = first_by_fold(zone, label)
    while label < end:
        following = first_by_fold(zone, label + step)
        if start < following:
            count += 1
            total = (total * 31 + (label - EPOCH) // MINUTE * 7 + (start - EPOCH) // MINUTE) % 2**64
        label, start = label + step, following
    return f"{name} {kind} {first_year} {last_year} {count} {total}"


def main():
    times = [(name, dt.datetime.fromisoformat(text)) for name, text in TIMES]
    zones = sorted({name for name, _ in times})
    rows = [row(name, kind, at) for name, at in times for kind in KINDS]
    sums = [summary(name, "day", 1970, 2024) for name in zones]
    sums += [summary(name, "hour", 2005, 2024) for name in zones]
    OUT.write_text('// Made by tests/support/make_window_table.py, which says what it holds.\nR"table(\n' +
                   "\n".join(rows) + '\n)table",\nR"table(\n' + "\n".join(sums) + '\n)table"\n')
    print(f"{OUT}: {len(rows)} rows, {len(sums)} sums")


if __name__ == "__main__":
    main()
