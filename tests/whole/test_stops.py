"""Agents that are stopped while something is under way end with sentences, and nothing of the interpreter's."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Iterator

import pytest

from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import PATIENCE_S, Answer, FakeControlPlane, Request
from tests.fakes.packed_archive import archive, own_temporary
from tests.whole.running import Running, Start, wait_until

__all__ = ["archive", "own_temporary"]


class SlowToTake(FakeControlPlane):
    """Answers no chunk before the agent disconnects, and refuses the first time that it does."""

    def __init__(self) -> None:
        super().__init__(ping_interval=0.2, job_status_interval=0.1, chunk_interval=0.01, chunk_size=1)
        self.entered, self.leaving = threading.Event(), threading.Event()

    def answer(self, request: Request) -> Answer:
        if request.path.endswith("/chunks"):
            self.entered.set()
            self.leaving.wait(PATIENCE_S)
        if request.call == "POST disconnect" and not self.leaving.is_set():
            self.leaving.set()
            return 500, {"message": "once more, so that there is time for the answers to the chunks"}
        return super().answer(request)


@pytest.fixture
def plane() -> Iterator[FakeControlPlane]:
    with SlowToTake() as running:
        yield running


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_stop_while_chunks_of_one_byte_are_sent(plane: SlowToTake, start: Start, number: str) -> None:
    plane.add_job("echo works; sleep 60")
    agent: AgentProcess = start("--cancel-grace-period", "1")
    assert plane.entered.wait(PATIENCE_S), agent.said
    for words in (
        "stopping when the running jobs have ended",
        "cancelling the running jobs",
        "killing the running jobs",
    ):
        agent.signal(number)
        assert agent.wait_said(words), agent.said
    agent.wait()
    assert "stays in the spool" in agent.said
    assert "Traceback" not in agent.said and "Exception" not in agent.said, agent.said


def test_an_interrupt_while_the_archive_unpacks_itself(archive: str, tmp_path: Path) -> None:
    code = tmp_path / ".buildkite-agent" / "bkagent" / "code"
    words = [sys.executable, archive, "meta-data", "get", "k"]
    with Running(words, tmp_path, tmp_path / "said", {"HOME": str(tmp_path)}) as running:
        assert wait_until(lambda: code.is_dir() and any(code.iterdir()))
        running.signal(signal.SIGINT)
        assert running.wait() == 130, running.said
    assert "Traceback" not in running.said, running.said
