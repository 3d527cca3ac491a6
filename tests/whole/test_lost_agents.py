"""An agent that dies while its job goes on, and a control plane that hands the job out again when it gives it up."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import List, Tuple

import pytest

from tests.whole.running import bkagent, wait_until
from tests.whole.site import Site

LOST_AFTER_S = 24
# Writes down ten times a second which copy of the job is at work. It ignores being asked to end.
PIPELINE = """
steps:
  - label: work
    command: |
      trap '' TERM
      mark=$$$$
      i=0
      while [ "$$i" -lt 1200 ] && [ ! -e {done} ]; do
        echo "$$mark $$(date +%s.%N)" >> {marks}
        i=$$((i+1))
        sleep 0.1
      done
    retry:
      automatic:
        - exit_status: -1
          limit: 1
"""


def _marks(path: Path) -> "List[Tuple[str, float]]":
    """Return which copy was at work, and when, in seconds since the epoch."""
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    pairs = (line.split() for line in lines)
    return [(pair[0], float(pair[1])) for pair in pairs if len(pair) == 2]


def test_two_copies_of_a_job_are_never_at_work(archive: str, tmp_path: Path) -> None:
    marks, done = tmp_path / "marks", tmp_path / "done"
    pipeline = PIPELINE.format(marks=marks, done=done)
    with Site(archive, tmp_path, "--agent-lost-after", f"{LOST_AFTER_S}s") as site:
        first = site.agent("--name", "first", "--state-path", str(tmp_path / "state-1"), "--skip-checkout")
        site.create(pipeline)
        assert wait_until(lambda: _marks(marks)), first.said
        first.signal(signal.SIGKILL)
        first.wait()
        # Of another user, so to speak: it finds nothing of the first one's to go on with.
        second = site.agent("--name", "second", "--state-path", str(tmp_path / "state-2"), "--skip-checkout")
        assert wait_until(lambda: len({mark for mark, _ in _marks(marks)}) > 1), second.said + str(site.build())
        copies = _marks(marks)
        done.touch()
        assert site.ended()["state"] == "passed"
    former, latter = dict.fromkeys(mark for mark, _ in copies)
    assert [mark for mark, _ in copies] == sorted((mark for mark, _ in copies), key=[former, latter].index)
    stopped = max(moment for mark, moment in copies if mark == former)
    assert stopped < min(moment for mark, moment in copies if mark == latter)
    log = _kept_log(tmp_path / "state-1")
    assert "has not reached the control plane for" in log


def _kept_log(state: Path) -> str:
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in state.rglob("log"))


@pytest.mark.parametrize("text", ["9s", "0", "-1s", "soon"])
def test_a_plane_is_not_told_to_give_up_at_once(archive: str, tmp_path: Path, text: str) -> None:
    done = bkagent(archive, "server", "--data", str(tmp_path / "data"), f"--agent-lost-after={text}", cwd=tmp_path)
    assert done.status == 1
    legal = "a duration such as 90s or 5m" if text == "soon" else "at least 10s"
    shown = "0s" if text == "0" else text
    assert f'agent-lost-after must be {legal}, not "{shown}" (flag --agent-lost-after)' in done.err
    assert "Traceback" not in done.text
    assert not os.path.exists(tmp_path / "data")
