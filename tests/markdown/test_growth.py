"""However a text or a log is made, twice as much of it is no more than twice the work, and none goes on for ever."""

import signal
import sys
from typing import Any, Callable, Iterator, Tuple

import pytest

from bkagent.controlplane.web.ui import log_view
from bkagent.controlplane.web.ui.annotation_view import FENCES
from bkagent.controlplane.web.ui.terminal.lines import read_lines
from bkagent.markdown.allowance import MARKS_COUNT, Allowance
from bkagent.markdown.render import to_html
from bkagent.markdown.safe_html import safe_html
from tests.markdown.worst_inputs import LOGS, PLAIN, WORST, Make

SIZE = 1_200
LARGE = (10_000, pytest.param(60_000, marks=pytest.mark.soak))
# No input of this size takes a hundredth of it. Counting calls does not see what happens within one regular expression.
LIMIT_CPU_S = 15
GROWTH = 2.3
# What an input of two bytes can ask for: a cell, a blank row of a terminal, a link of its own.
AMPLIFICATION = 40


def show_markdown(text: str) -> str:
    return to_html(text, fences=FENCES)


def show_log(text: str) -> str:
    return log_view.log_view(read_lines(text.encode()), live=False)


INPUTS = [
    *(pytest.param(show_markdown, make, id=name) for name, make in WORST.items()),
    *(pytest.param(safe_html, make, id=f"{name}, not Markdown") for name, make in WORST.items() if "<" in make(99)),
    *(pytest.param(show_log, make, id=f"{name}, in a log") for name, make in LOGS.items()),
]


@pytest.fixture
def bounded() -> Iterator[None]:
    """End a test that has used up its processor time; where the system has no such timer, the suite's limit does."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def fail(number: int, frame: Any) -> None:
        raise AssertionError("the work does not end")

    before = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_CPU_S)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def work(show: Callable[[str], str], text: str) -> Tuple[int, int]:
    """Return how many functions, Python's own included, are called to show a text, and how long the outcome is."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        shown = show(text)
    finally:
        sys.setprofile(None)
    return count, len(shown)


@pytest.mark.parametrize(("show", "make"), INPUTS)
def test_twice_the_text_is_twice_the_work(show: Callable[[str], str], make: Make, bounded: None) -> None:
    once, twice = work(show, make(SIZE)), work(show, make(2 * SIZE))
    assert twice[0] <= GROWTH * once[0] + 500
    assert twice[1] <= GROWTH * once[1] + 3000


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize(("show", "make"), INPUTS)
def test_a_large_text_ends_and_is_not_shown_out_of_proportion(
    show: Callable[[str], str], make: Make, size: int, bounded: None
) -> None:
    large = make(size)
    assert len(show(large)) <= AMPLIFICATION * len(large)


def test_the_count_sees_work_that_grows_with_the_square() -> None:
    def show(text: str) -> str:
        return "".join(str(text.find("b", at)) for at in range(len(text)) for _ in range(at))[:1]

    assert work(show, "a" * 200)[0] > GROWTH * work(show, "a" * 100)[0] + 500


def test_a_text_has_only_so_many_marks_and_shows_the_rest_as_it_is_written() -> None:
    pieces = {"*a* ": "<em>", "- a\n": "<li>", "|a|\n|-|\n\n": "<table>", "> a\n\n": "<blockquote>"}
    for piece, mark in pieces.items():
        shown = to_html(piece * MARKS_COUNT)
        assert MARKS_COUNT / 4 <= shown.count(mark) <= MARKS_COUNT
        assert shown.count("a") >= MARKS_COUNT, "something is lost"
    allowance = Allowance(3)
    assert to_html("*a* `b` *c*\n\n- d", allowance=allowance) == "<p><em>a</em> `b` *c*</p>\n<pre>- d</pre>"
    assert to_html(PLAIN(1000), allowance=Allowance(1)).startswith("<p>a line")


def test_a_page_shows_the_last_lines_of_a_log_of_very_short_ones() -> None:
    log = b"".join(b"%d\n" % number for number in range(log_view.SHOWN_LINES + 10))
    shown, start = log_view.whole_lines(log, 0)
    assert shown.startswith(b"10\n") and log[start:] == shown and shown.count(b"\n") == log_view.SHOWN_LINES
    assert log_view.whole_lines(b"a\n" * 10, 0) == (b"a\n" * 10, 0)
