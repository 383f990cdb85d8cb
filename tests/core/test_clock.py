"""Slots, ticks and RFC 3339, at their edges."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core import clock

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HALF_A_MINUTE = timedelta(seconds=30)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_now_is_utc_to_the_millisecond() -> None:
    earliest = datetime.now(UTC) - timedelta(milliseconds=1)

    moment = clock.now()

    assert earliest < moment <= datetime.now(UTC)
    assert (moment.tzinfo, moment.microsecond % 1000) == (UTC, 0)


@pytest.mark.parametrize(
    ("moment", "step", "slot"),
    [
        ("2026-03-01 12:39:59.999", 10 * MINUTE, "2026-03-01 12:30"),
        ("2026-03-01 12:30", 10 * MINUTE, "2026-03-01 12:30"),
        ("2026-03-01 12:39:59", HOUR, "2026-03-01 12:00"),
        ("2026-03-01 12:39:59", DAY, "2026-03-01"),
        ("2026-03-01 12:39:59.999", timedelta(seconds=1), "2026-03-01 12:39:59"),
        ("1969-12-31 23:59:59", MINUTE, "1969-12-31 23:59"),
    ],
)
def test_a_slot_is_the_last_multiple_of_the_step(moment: str, step: timedelta, slot: str) -> None:
    assert clock.floor(at(moment), step) == at(slot)


@pytest.mark.parametrize(
    ("moment", "step", "end"),
    [
        ("2026-03-01 12:00", clock.HOUR, "2026-03-01 12:00"),
        ("2026-03-01 12:00:00.001", clock.HOUR, "2026-03-01 13:00"),
        ("2026-03-01 12:59:59.999", clock.HOUR, "2026-03-01 13:00"),
        ("2026-02-28 00:00:01", clock.DAY, "2026-03-01 00:00"),
        ("2026-03-01 00:00", clock.DAY, "2026-03-01 00:00"),
        ("1969-12-31 23:30", clock.HOUR, "1970-01-01 00:00"),
    ],
)
def test_the_end_of_a_span_is_the_next_multiple_of_the_step_or_the_moment_itself(
    moment: str, step: timedelta, end: str
) -> None:
    assert clock.ceil(at(moment), step) == at(end)


@pytest.mark.parametrize(
    ("moment", "offset", "tick"),
    [
        ("2026-03-01 12:00", timedelta(), "2026-03-01 12:15"),
        ("2026-03-01 12:14:59.999", timedelta(), "2026-03-01 12:15"),
        ("2026-03-01 12:00", HALF_A_MINUTE, "2026-03-01 12:00:30"),
        ("2026-03-01 12:00:30", HALF_A_MINUTE, "2026-03-01 12:15:30"),
        ("2026-03-01 23:59", HALF_A_MINUTE, "2026-03-02 00:00:30"),
    ],
)
def test_the_next_tick_is_never_the_moment_itself(
    moment: str, offset: timedelta, tick: str
) -> None:
    assert clock.next_tick(at(moment), 15 * MINUTE, offset) == at(tick)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (at("2026-03-01 12:00"), "2026-03-01T12:00:00Z"),
        (at("2026-03-01 12:00:00.250"), "2026-03-01T12:00:00.250Z"),
        (
            datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            "2026-02-28T23:00:00Z",
        ),
        (at("2026-03-01 12:00:00.000999"), "2026-03-01T12:00:00Z"),
        (at("2026-03-01 12:00:00.001"), "2026-03-01T12:00:00.001Z"),
    ],
)
def test_a_moment_is_told_with_z_and_milliseconds_where_there_are_any(
    moment: datetime, text: str
) -> None:
    assert clock.rfc3339(moment) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", "2026-03-01 00:00"),
        ("2026-03-01T12:00:00Z", "2026-03-01 12:00"),
        ("2026-03-01T12:00:00.25Z", "2026-03-01 12:00:00.250"),
        ("2026-03-01T01:30:00+02:00", "2026-02-28 23:30"),
        ("2026-03-01T12:00:00-00:30", "2026-03-01 12:30"),
        ("2026-03-01t12:00:00z", "2026-03-01 12:00"),
        ("2026-03-01 12:00:00Z", "2026-03-01 12:00"),
    ],
)
def test_a_date_or_a_moment_with_an_offset_is_read(text: str, moment: str) -> None:
    read = clock.parse(text)

    assert (read, read.tzinfo) == (at(moment), UTC)


def test_a_moment_without_an_offset_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="^no offset from UTC"):
        clock.parse("2026-03-01T12:00:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "20260301",
        "2026-02-30",
        "2026-03-01T12:00:00+25:00",
        "1772366400",
        "２０２６-03-01",
        "2026-03-\ud800",
        "2026-W09-7",
        "2026-03-01x12:00:00Z",
        "2026-03-01T12Z",
        "2026-03-01T12:00:00,5Z",
        "2026-03-01T12:00:60Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        clock.parse(text)
