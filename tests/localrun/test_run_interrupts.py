"""An interrupt counts whenever it comes, also before there is anything to cancel."""

import os
import subprocess
from pathlib import Path
from typing import List, Tuple

from bkagent.localrun.build_run import INTERRUPTED
from bkagent.localrun.options import RunRequest
from bkagent.localrun.run import LocalRun


def test_an_interrupt_before_the_build_exists_runs_no_job(tmp_path: Path) -> None:
    work, ran = tmp_path / "work", tmp_path / "ran"
    work.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=str(work), check=True)
    (work / "buildkite.yml").write_text(f"steps: [{{command: touch {ran}}}]")
    printed: List[str] = []
    reported: List[Tuple[str, str]] = []
    environ = dict(os.environ)
    request = RunRequest(
        folder=str(work), shell="/bin/sh -e -c", launchers_path=str(tmp_path / "bin"), agents_count=1, environ=environ,
        sockets_path=str(tmp_path / "sockets"),
    )  # fmt: skip
    running = LocalRun(request, printed.append, lambda level, text, event="": reported.append((level, text)))
    running.interrupt()
    assert running.run() == INTERRUPTED, printed
    assert not ran.exists()
    assert any(line.split()[-1:] == ["canceled"] for line in printed), printed
