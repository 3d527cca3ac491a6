"""What the agent learns by asking for the state of a job, besides that it was cancelled."""

import sys
import threading

from bkagent.agent.jobs.cancel_poller import CancelPoller
from bkagent.errors import Refused, Unavailable, Unreachable, WireError
from bkagent.remote.worker import jobs
from bkagent.transport.timers import Timers


def test_the_first_answer_after_none_ends_an_outage_for_all_who_wait(monkeypatch):
    """Those who send the log take turns in an outage, seconds apart; the state is asked for each second anyway."""
    answers = [
        "running", Unreachable("refused"), Unavailable("down", 503), "running", "running", Refused("no", 404),
        WireError("a page"), "running", Unreachable("refused"), "running",
    ]  # fmt: skip
    asked, recoveries, ended = [], [], threading.Event()

    def state(*_, **__):
        if len(asked) == len(answers):
            ended.set()
            return "running"
        answer = answers[len(asked)]
        asked.append(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(jobs, "state", state)
    timers = Timers()
    poller = CancelPoller(
        None, "j", 0.01, None, timers, mark_timed_out=lambda: None, on_recovery=lambda: recoveries.append(len(asked)),
        report=lambda level, text, event="": None,
    )  # fmt: skip
    poller.start()
    assert ended.wait(30)
    poller.stop()
    timers.close()
    assert recoveries == [4, 10]


def test_a_defect_costs_one_look_and_not_those_after_it(monkeypatch):
    asked, defects, ended = [], [], threading.Event()

    def state(*_, **__):
        asked.append("")
        if len(asked) == 1:
            raise TypeError("a defect")
        ended.set()
        return "running"

    monkeypatch.setattr(jobs, "state", state)
    monkeypatch.setattr(sys, "excepthook", lambda kind, defect, trace: defects.append(str(defect)))
    timers = Timers()
    poller = CancelPoller(
        None, "j", 0.01, None, timers, mark_timed_out=lambda: None, on_recovery=lambda: None,
        report=lambda level, text, event="": None,
    )  # fmt: skip
    poller.start()
    assert ended.wait(30)
    poller.stop()
    timers.close()
    assert defects == ["a defect"]
