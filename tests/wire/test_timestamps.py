"""Times as RFC 3339, written and read."""

import pytest

from bkagent.wire.timestamps import moment_of, rfc3339, text_of


@pytest.mark.parametrize(
    ("digits", "text"),
    [
        (0, "2015-05-09T21:05:59Z"), (3, "2015-05-09T21:05:59.999Z"), (6, "2015-05-09T21:05:59.999999Z"),
        (9, "2015-05-09T21:05:59.999999001Z"),
    ],
)  # fmt: skip
def test_digits_are_cut_and_not_rounded(digits, text):
    assert rfc3339(1431205559_999999001, digits) == text


def test_a_text_is_rounded_to_the_millisecond():
    assert text_of(1431205559.9996) == "2015-05-09T21:06:00.000Z"


@pytest.mark.parametrize("time_ns", [253402300800 * 10**9, 10**40, -(10**40)])
def test_a_year_that_the_form_cannot_write_is_an_error(time_ns):
    with pytest.raises((ValueError, OverflowError, OSError)):
        rfc3339(time_ns)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2015-05-09T21:05:59.874Z", 1431205559.874),
        ("2015-05-09T23:05:59.874123456+02:00", 1431205559.874123),
        ("2015-05-09T19:35:59-01:30", 1431205559.0),
        ("2015-05-09", None),
        ("", None),
        ("2015-13-09T21:05:59Z", None),
        ("2015-05-09T21:05:59", None),
        ("٢015-05-09T21:05:59Z", None),
    ],
)
def test_moments(text, moment):
    found = moment_of(text)
    assert found == moment or abs(found - moment) < 1e-5
    if moment is not None:
        assert abs(moment_of(text_of(moment)) - moment) < 0.001
