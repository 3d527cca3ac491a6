"""The threads of a control plane outlive a defect of what they call."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, List

import pytest

from bkagent.controlplane.plane import plane
from bkagent.controlplane.plane.dispatching.alarm import Alarm

WAIT_S = 20.0


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    texts: List[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, defect, trace: texts.append(str(defect)))
    return texts


class FailsOnce:
    def __init__(self) -> None:
        self.calls_count = 0
        self.called = threading.Event()
        self.called_again = threading.Event()

    def tick(self) -> None:
        self.calls_count += 1
        if self.calls_count == 1:
            self.called.set()
            raise ValueError("a defect")
        self.called_again.set()


def test_an_alarm_rings_again_after_a_defect(reported: List[str]) -> None:
    failing = FailsOnce()
    alarm = Alarm(failing.tick)
    try:
        alarm.set(time.monotonic())
        assert failing.called.wait(WAIT_S)
        alarm.set(time.monotonic())
        assert failing.called_again.wait(WAIT_S) and reported == ["a defect"]
    finally:
        alarm.close()


def test_a_ticker_ticks_on_after_a_defect(reported: List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "TICK_S", 0.01)
    failing: Any = FailsOnce()
    ticker = plane.Ticker(failing)
    ticker.start()
    try:
        assert failing.called_again.wait(WAIT_S) and reported == ["a defect"]
    finally:
        ticker.stop()
