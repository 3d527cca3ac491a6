"""`local run` on Windows: a control plane, an agent and a job in one process, with its output in a pipe."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.windows.wine_session import WineSession

# Neither is in the code page that Windows' pipes have by default. Printed by a Python, since Wine's cmd.exe reads batch
# files in the old code page whatever the console has.
_PRINT = r"print('\u26a0 \u0142 from ' + sys.platform)"
PIPELINE = """
steps:
  - label: "\u26a0 \u0142"
    command: |
      "{python}" -I -S -c "import sys; sys.stdout.reconfigure(encoding='utf-8'); {code}"
      exit 3
"""


def test_a_local_run_prints_utf8_and_ends_with_the_status_of_the_build(
    wine: WineSession, packed_archive: str, tmp_path: Path
) -> None:
    if wine.git_folder is None:
        pytest.skip("the bed was made without git.exe (BKAGENT_WINDOWS_BED_GIT=0)")
    (tmp_path / ".buildkite").mkdir()
    (tmp_path / ".buildkite" / "pipeline.yml").write_text(
        PIPELINE.format(python=wine.python("3.8"), code=_PRINT), encoding="utf-8"
    )
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "a change"]):
        subprocess.run(["git", *words], cwd=str(tmp_path), check=True)
    # The bed's git.exe has no shell, by which it would clone from a folder.
    argv = [wine.windows_path(packed_archive), "local", "run", "--env", "BUILDKITE_SKIP_CHECKOUT=true"]
    done = wine.run(wine.python("3.8"), "-I", "-S", *argv, cwd=tmp_path, path=wine.git_folder)
    assert done.returncode == 3, done
    assert "\u26a0 \u0142 from win32" in done.stdout and "--- \u26a0 \u0142: failed" in done.stdout, done.stdout
    (log,) = (tmp_path / ".bkagent" / "logs" / "1").iterdir()
    assert "\u26a0 \u0142 from win32" in log.read_text(encoding="utf-8")
