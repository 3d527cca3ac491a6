"""How often and with what pauses work is tried again."""

import json
import os

import pytest

from bkagent.errors import Cancelled, Refused, Unavailable, Unreachable
from bkagent.transport.retry import Schedule, constant, describe, exponential, retry, subsecond
from bkagent.wire.go_duration import format_precise, format_rounded
from tests.fakes import vectors

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "retry.json")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)["cases"] + [parameter.values[0] for parameter in vectors.of("edges", "retry")]


def schedule_of(case):
    tries, added = case["max_attempts"] or 0, case["adjustment_ms"] / 1000
    if case["strategy"] == "constant":
        return constant(tries, case["ms"] / 1000, (added, added))
    if case["strategy"] == "exponential":
        return exponential(tries, case["ms"] / 1000, (added, added))
    return subsecond(tries, case["ms"] / 1000, (added, added))


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_recorded_schedules(case):
    pauses, reports = [], []

    def wait(seconds):
        pauses.append(round(seconds * 1e9))
        return case["max_attempts"] is None and len(pauses) == 8

    def fail(number):
        raise Unreachable("no")

    with pytest.raises((Unreachable, Cancelled)):
        retry(fail, schedule_of(case), wait=wait, report=lambda level, text: reports.append(text))
    wanted = case["sleeps_ns"] or []
    assert pauses[: len(wanted)] == wanted
    assert [text[len("no (") : -1] for text in reports][: len(case["texts"])] == case["texts"]


def run(attempt, schedule=None, **more):
    pauses = []

    def wait(seconds):
        pauses.append(seconds)
        return False

    result = retry(attempt, schedule or constant(5, 2.0), wait=wait, report=lambda level, text: None, **more)
    return result, pauses


def failing(*errors):
    left = list(errors)

    def attempt(number):
        if left:
            raise left.pop(0)
        return number

    return attempt


def test_the_number_of_the_try_comes_in():
    assert run(failing(Unreachable("a"), Unavailable("b", 503))) == (2, [2.0, 2.0])


def test_what_cannot_pass_is_not_tried_again():
    for error in (Refused("no", 422), Unreachable("certificate", may_retry=False), ValueError("bug")):
        with pytest.raises(type(error)):
            run(failing(error))


def test_a_server_names_the_pause():
    assert run(failing(Unavailable("a", 429, 7.5), Unavailable("b", 429, 0.0)))[1] == [7.5, 0.0]


def test_a_pause_beyond_reason_is_shortened():
    assert run(failing(Unavailable("a", 429, 1e12)))[1] == [3600.0]


def test_jitter_is_drawn_between_its_bounds_and_never_negative():
    drawn = []

    def chance(low, high):
        drawn.append((low, high))
        return low

    schedule = Schedule(3, lambda failed: 0.5, jitter=(-1.0, 5.0))
    assert run(failing(Unreachable("a")), schedule, chance=chance)[1] == [0.0]
    assert drawn == [(-1.0, 5.0)]


def test_a_request_to_stop_ends_the_waiting():
    with pytest.raises(Cancelled):
        retry(failing(Unreachable("a")), constant(5, 1.0), wait=lambda seconds: True, report=lambda level, text: None)


def test_the_last_error_is_raised_when_tries_run_out():
    with pytest.raises(Unavailable, match="third"):
        run(failing(Unreachable("1"), Unreachable("2"), Unavailable("third", 500)), constant(3, 0.0))


def test_callers_decide_what_may_pass():
    assert run(failing(Refused("no", 404)), may_retry=lambda error: isinstance(error, Refused))[0] == 1


def test_a_first_pause_that_would_shrink_is_refused():
    for schedule, pause_s in ((subsecond, 0.001), (exponential, 0.999)):
        with pytest.raises(ValueError):
            schedule(3, pause_s)


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0s"), (0.0004, "0s"), (0.237, "237ms"), (1, "1s"), (1.5, "1.5s"), (60, "1m0s"), (3661.25, "1h1m1.25s")],
)
def test_durations_read_as_go_writes_them(seconds, text):
    assert format_rounded(seconds) == text


@pytest.mark.parametrize(
    "seconds, text",
    [(0.0000004, "0µs"), (0.000287, "287µs"), (0.0905, "90.5ms"), (0.09044236, "90.442ms"), (1.1364, "1.136s")],
)
def test_short_durations_are_told_to_the_microsecond(seconds, text):
    assert format_precise(seconds) == text


def test_tries_without_end_say_so():
    assert describe(0, 0, 5.0) == "Attempt 1/\u221e Retrying in 5s"
