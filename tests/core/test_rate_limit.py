"""The pace never exceeds GitHub's limits, and GitHub's own word is obeyed, within reason."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from core.rate_limit import Allowance, RateLimit, Resource, is_limit, limit_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3_600, 86_400))


def allowance(**changes: Any) -> Allowance:
    return replace(Allowance(next_at=LONG_AGO, blocked_until=LONG_AGO), **changes)


def headers(**named: object) -> httpx.Headers:
    """Headers as httpx gives them; reset="+60" is a minute after NOW, in epoch seconds."""
    names = {
        "limit": "X-RateLimit-Limit",
        "remaining": "X-RateLimit-Remaining",
        "reset": "X-RateLimit-Reset",
        "retry_after": "Retry-After",
        "date": "Date",
    }
    if str(named.get("reset", "")).startswith("+"):
        named["reset"] = int(NOW.timestamp()) + int(str(named["reset"]))
    return httpx.Headers({names[name]: str(value) for name, value in named.items()}, "utf-8")


def http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def told(state: Allowance, status: int, now: datetime, **named: object) -> Allowance:
    """The state after an answer that says by its status alone whether it is a limit."""
    return state.record(status, headers(**named), now, limited=status in (403, 429))


def blocked_for(status: int, **named: object) -> timedelta:
    return told(allowance(), status, NOW, **named).blocked_until - NOW


# The pace


def busiest(sent: Sequence[datetime], window: timedelta) -> int:
    """The most moments in any window, both of its ends included."""
    return max(bisect_right(sent, at + window) - index for index, at in enumerate(sent))


def greedy(limit: RateLimit, senders: int, rest: timedelta, lasting: timedelta) -> list[datetime]:
    """When senders send who promise themselves the next turns all at once, again and again,
    with a rest of up to `rest` now and then."""
    chance = random.Random(1)
    state, now, sent = allowance(), NOW, []
    while now < NOW + lasting:
        for _ in range(senders):
            send_at = state.send_at(limit, now)
            state = state.reserve(limit, send_at, now)
            sent.append(send_at)
        now = max(now, sent[-1])
        if chance.random() < 0.1:
            now += rest * chance.random()
    return sent


@pytest.mark.parametrize("senders", [1, 7])
@pytest.mark.parametrize("rest", [timedelta(), 10 * SECOND, 20 * MINUTE])
@pytest.mark.parametrize(
    ("resource", "authorized", "window", "allowed", "used"),
    [
        ("search", False, MINUTE, 10, 10),
        ("search", True, MINUTE, 30, 29),
        ("core", False, HOUR, 60, 58),
        ("core", True, HOUR, 5_000, 4_900),
    ],  # the last as promised; what is sent late may come nearer
)
def test_greedy_senders_stay_within_githubs_limit_and_make_use_of_it(
    resource: Resource,
    authorized: bool,
    window: timedelta,
    allowed: int,
    used: int,
    senders: int,
    rest: timedelta,
) -> None:
    limit = limit_of(resource, authorized)

    sent = greedy(limit, senders, rest, lasting=3 * HOUR)

    assert sent == sorted(sent)
    assert busiest(sent, window) <= used <= limit.most(window) <= allowed
    assert rest or busiest(sent, window) == used


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("resource", "authorized", "window", "allowed"),
    [
        ("search", False, MINUTE, 10),
        ("search", True, MINUTE, 30),
        ("core", False, HOUR, 60),
        ("core", True, HOUR, 5_000),
    ],
)
def test_however_late_those_come_that_were_promised_a_turn_githubs_limit_holds(
    resource: Resource, authorized: bool, window: timedelta, allowed: int, seed: int
) -> None:
    limit, chance = limit_of(resource, authorized), random.Random(seed)
    state, now, sent = allowance(), NOW, []
    reserved: dict[int, datetime] = dict.fromkeys(range(36), NOW)  # never promised: a wrong clock's

    for _ in range(600):  # now and then all stand still, and then come at once
        name = min(reserved, key=lambda it: reserved[it] + chance.random() * 5 * SECOND)
        at_rest = chance.choice([0, 0, 0, 0, 30, 90]) * SECOND if chance.random() < 0.05 else None
        now = max(now, reserved[name]) + (at_rest or chance.random() * 3 * SECOND)
        going_on = chance.random() < 0.05 and bool(sent)
        turn, state = state.turn(limit, now, reserved[name], going_on=going_on)
        if turn <= now + SECOND:
            now = turn
            state = state.sent(limit, now)
            sent.append(now)
            turn, state = state.turn(limit, now)
        reserved[name] = turn

    assert busiest(sent, window - SECOND / 100) <= limit.most(window) <= allowed
    assert len(sent) > 150


def test_a_turn_that_was_reserved_is_there_for_who_comes_late_and_others_wait_no_longer() -> None:
    limit, state = limit_of("search", authorized=False), allowance()
    first, state = state.turn(limit, NOW)
    state = state.sent(limit, first)
    mine, state = state.turn(limit, NOW)
    other, state = state.turn(limit, NOW)

    late = mine + 3 * SECOND
    assert state.turn(limit, late, mine) == (late, state)
    state = state.sent(limit, late)
    assert state.turn(limit, other, other) == (other, state)
    assert (mine - NOW, other - NOW) == (limit.every, 2 * limit.every)


def test_a_turn_is_lost_to_a_block_and_after_a_minute_and_where_a_wrong_clock_promised_it() -> None:
    limit = limit_of("search", authorized=False)
    state = allowance(next_at=NOW + 4 * MINUTE, saved_at=NOW)
    blocked = replace(state, blocked_until=NOW + HOUR)

    assert state.turn(limit, NOW, NOW)[0] == NOW
    assert state.turn(limit, NOW, NOW - 61 * SECOND)[0] == state.next_at
    assert state.turn(limit, NOW, NOW + DAY)[0] == state.next_at
    assert blocked.turn(limit, NOW, NOW)[0] == NOW + HOUR


def test_what_goes_on_need_not_wait_behind_those_who_have_a_turn() -> None:
    limit = limit_of("search", authorized=False)
    state = allowance(next_at=NOW + 4 * MINUTE).sent(limit, NOW)

    assert state.turn(limit, NOW)[0] == NOW + 4 * MINUTE
    assert state.turn(limit, NOW, going_on=True)[0] == NOW + 0.9 * SECOND


def test_a_tenth_of_the_window_is_left_for_polls() -> None:
    limit = limit_of("core", authorized=True)
    state = allowance(limit=5_000, remaining=500, reset_at=NOW + MINUTE)

    assert state.turn(limit, NOW, kept=0.1)[0] == NOW + MINUTE
    assert state.turn(limit, NOW)[0] == NOW
    assert state.turn(limit, NOW + 2 * MINUTE, kept=0.1)[0] == NOW + 2 * MINUTE


@pytest.mark.parametrize(("resource", "burst"), [("search", 1), ("core", 10)])
def test_after_a_rest_as_many_as_the_burst_may_be_sent_at_once(
    resource: Resource, burst: int
) -> None:
    limit, state, waits = limit_of(resource, authorized=False), allowance(next_at=NOW), []

    for _ in range(burst + 2):
        send_at = state.send_at(limit, NOW)
        state = state.reserve(limit, send_at, NOW)
        waits.append(send_at - NOW)

    assert waits == [*[timedelta()] * burst, limit.every, 2 * limit.every]


def test_nothing_is_sent_before_github_allows_it() -> None:
    blocked = allowance(blocked_until=NOW + HOUR)

    assert blocked.send_at(limit_of("core", authorized=True), NOW) == NOW + HOUR


# What an answer says


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("named", "pause"),
    [
        ({"retry_after": 30}, 30 * SECOND),
        ({"retry_after": http_date(NOW + 5 * MINUTE)}, 5 * MINUTE + SECOND),
        ({"retry_after": 30, "remaining": 0, "reset": "+600"}, 30 * SECOND),
        ({"retry_after": "soon", "remaining": 0, "reset": "+600"}, 10 * MINUTE + SECOND),
        ({"remaining": 0, "reset": "+600"}, 10 * MINUTE + SECOND),
        ({"remaining": 0, "reset": "+1"}, 2 * SECOND),
        ({"remaining": 0, "reset": "+600", "date": http_date(NOW)}, 10 * MINUTE + SECOND),
    ],
)
def test_a_moment_that_github_names_is_waited_for_and_is_no_strike(
    status: int, named: dict[str, object], pause: timedelta
) -> None:
    after = told(allowance(undated_refusals=3), status, NOW, **named)

    assert (after.blocked_until, after.undated_refusals) == (NOW + pause, 3)


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    "named",
    [
        {},
        {"remaining": 7, "reset": "+600"},  # a secondary limit
        {"remaining": 0},
        {"remaining": 0, "reset": "+0"},
        {"remaining": 0, "reset": 1_000_000_000},  # long past
    ],
)
def test_without_such_a_moment_the_pause_is_a_minute_and_a_strike(
    status: int, named: dict[str, object]
) -> None:
    after = told(allowance(), status, NOW, **named)

    assert (after.blocked_until, after.undated_refusals) == (NOW + MINUTE, 1)


def test_the_pause_doubles_up_to_an_hour_while_limits_repeat() -> None:
    state, now, pauses = allowance(), NOW, []

    for _ in range(8):
        state = told(state, 403, now)
        pauses.append((state.blocked_until - now) // MINUTE)
        now = state.blocked_until

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert told(replace(state, undated_refusals=10**6), 403, now).undated_refusals == 10**6 + 1


def test_a_success_ends_the_doubling() -> None:
    struck = allowance(undated_refusals=5)

    after = told(told(struck, 200, NOW), 429, NOW)

    assert (after.blocked_until, after.undated_refusals) == (NOW + MINUTE, 1)


@pytest.mark.parametrize("skew", [-HOUR, -3 * SECOND, timedelta(), HOUR])
@pytest.mark.parametrize(
    "named",
    [{"remaining": 0, "reset": "+90"}, {"retry_after": http_date(NOW + 90 * SECOND)}],
)
def test_a_moment_of_githubs_clock_holds_whatever_ours_says(
    named: dict[str, object], skew: timedelta
) -> None:
    theirs = headers(date=http_date(NOW), **named)

    after = allowance().record(403, theirs, NOW + skew, limited=True)

    assert after.blocked_until == NOW + skew + 91 * SECOND


def test_the_last_request_of_a_window_blocks_until_the_reset_and_is_noted() -> None:
    answer = headers(limit=10, remaining=0, reset="+42", date=http_date(NOW))

    after = allowance(next_at=NOW).record(200, answer, NOW, limited=False)

    until = NOW + 43 * SECOND
    assert after == Allowance(
        NOW, until, undated_refusals=0, limit=10, remaining=0, reset_at=until, saved_at=NOW
    )


@pytest.mark.parametrize("status", [200, 304, 404, 500])
def test_an_answer_with_requests_left_blocks_nothing(status: int) -> None:
    after = told(allowance(), status, NOW, limit=5_000, remaining=1, reset="+42")

    assert after.blocked_until <= NOW
    assert (after.limit, after.remaining, after.reset_at) == (5_000, 1, NOW + 43 * SECOND)


def test_what_an_answer_does_not_tell_stays_as_it_was_told() -> None:
    known = allowance(limit=30, remaining=7, reset_at=NOW, blocked_until=NOW, saved_at=NOW)

    assert told(known, 200, NOW) == known


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize(
    "named", [{}, {"retry_after": 1}, {"remaining": 0, "reset": "+1"}, {"remaining": 9}]
)
def test_an_answer_never_moves_a_block_back(status: int, named: dict[str, object]) -> None:
    blocked = allowance(blocked_until=NOW + HOUR)

    assert told(blocked, status, NOW, **named).blocked_until == NOW + HOUR


# What is a limit


@pytest.mark.parametrize(
    ("status", "named", "message", "limit"),
    [
        (429, {}, None, True),
        (429, {"remaining": 30}, "Whatever it says", True),
        (403, {}, None, True),  # something in front of GitHub
        (403, {"remaining": 0}, "Forbidden", True),
        (403, {"retry_after": 60}, "Forbidden", True),
        (403, {"remaining": 14}, "You have exceeded a secondary rate limit.", True),
        (403, {}, "API Rate Limit exceeded for 192.0.2.1", True),
        (403, {}, "You have triggered an abuse detection mechanism.", True),
        (403, {"remaining": 4_996}, "Repository access blocked", False),
        (403, {}, "Resource not accessible by personal access token", False),
        (403, {"remaining": 4_882}, "The 'acme' organization forbids access", False),
        (401, {"remaining": 0}, "Bad credentials", False),
        (404, {"remaining": 0}, "Not Found", False),
        (200, {"remaining": 0}, None, False),
        (500, {"retry_after": 60}, None, False),
        (422, {}, "Validation Failed", False),
    ],
)
def test_status_headers_and_message_decide_together_what_is_a_limit(
    status: int, named: dict[str, object], message: str | None, limit: bool
) -> None:
    assert is_limit(status, headers(**named), message) is limit


# A clock that is put back


def test_what_a_clock_saved_that_ran_ahead_is_by_the_clock_of_now() -> None:
    ahead = NOW + DAY
    spaced = allowance().reserve(limit_of("search", authorized=False), ahead, ahead)
    blocked = told(allowance(), 429, ahead, retry_after=40)

    assert spaced.send_at(limit_of("search", authorized=False), NOW) == NOW + 6.6 * SECOND
    assert blocked.send_at(limit_of("search", authorized=False), NOW) == NOW + 40 * SECOND
    assert told(blocked, 200, NOW).blocked_until == NOW + 40 * SECOND


def test_a_clock_that_is_put_right_by_a_few_seconds_changes_nothing() -> None:
    blocked = told(allowance(), 429, NOW + 50 * SECOND, retry_after=40)

    assert blocked.by_clock(NOW) == blocked


def test_a_state_of_an_older_version_does_not_say_when_it_was_saved_and_holds() -> None:
    old = allowance(blocked_until=NOW + HOUR)

    assert old.send_at(limit_of("core", authorized=True), NOW) == NOW + HOUR


# Headers that make no sense


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-5",
        "12.5",
        "1e9",
        "²",
        "soon",
        "Fri, 99 Jan 2026 10:00:00 GMT",
        "Fri, 01 Jan 99999 00:00:00 GMT",
        "Fri, 01 Jan 99999999999999999999 00:00:00 GMT",
        "9" * 5_000,
        0,
        http_date(NOW),
        http_date(NOW - HOUR),
    ],
)
def test_a_retry_after_that_makes_no_sense_is_as_good_as_none(value: object) -> None:
    after = told(allowance(), 403, NOW, retry_after=value)

    assert (after.blocked_until, after.undated_refusals) == (NOW + MINUTE, 1)


@pytest.mark.parametrize(
    "value", [86_401, "9" * 12, http_date(NOW + 2 * DAY), "Fri, 31 Dec 9999 23:59:59 -2300"]
)
def test_no_retry_after_stops_the_service_for_more_than_a_day(value: object) -> None:
    assert blocked_for(403, retry_after=value) == DAY


@pytest.mark.parametrize(
    ("named", "pause"),
    [
        ({"reset": "9" * 12}, DAY),
        ({"reset": "+86401"}, DAY),
        ({"reset": "+60", "date": "Thu, 01 Jan 1970 00:00:00 GMT"}, DAY),
        ({"reset": "+60", "date": "today"}, MINUTE + SECOND),
        ({"reset": "-60"}, timedelta()),
        ({"reset": "-1"}, timedelta()),
        ({"reset": "tomorrow"}, timedelta()),
        ({"reset": "+60", "remaining": "-1"}, timedelta()),
        ({"reset": "+60", "remaining": "none"}, timedelta()),
        (
            {"reset": "+60", "date": "Fri, 01 Jan 99999999999999999999 00:00:00 GMT"},
            MINUTE + SECOND,
        ),
        ({"reset": "9" * 5_000}, timedelta()),
    ],
)
def test_a_reset_that_makes_no_sense_blocks_for_a_day_at_most(
    named: dict[str, object], pause: timedelta
) -> None:
    assert blocked_for(200, **{"remaining": 0, **named}) == pause


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "²",
        "many",
        str(2**31),
        "9" * 5_000,
    ],
)
def test_a_count_that_makes_no_sense_is_not_taken_down(value: str) -> None:
    known = allowance(limit=30, remaining=7)

    after = told(known, 200, NOW, limit=value, remaining=value)

    assert (after.limit, after.remaining) == (30, 7)
