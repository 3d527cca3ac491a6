"""A local run that is killed loses nothing: the next one ends its jobs, and tells the store how they ended."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


def test_the_next_run_ends_what_a_killed_one_left(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "long.yml").write_text("steps:\n  - {label: a, command: 'echo begun; echo $$$$ > ../pid; sleep 300'}\n")
    (tmp_path / "short.yml").write_text("steps:\n  - {label: b, command: echo hi}\n")
    words = [sys.executable, "-m", "bkagent", "local", "run", "--agents", "1"]
    environ = dict(os.environ, PYTHONPATH=str(TOP))
    with open(tmp_path / "said", "wb") as said:
        killed = subprocess.Popen([*words, "long.yml"], cwd=str(tmp_path), env=environ, stdout=said)
    deadline = time.monotonic() + PATIENCE_S
    while b"\nbegun\n" not in (tmp_path / "said").read_bytes():
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    killed.kill()
    killed.wait()

    again = subprocess.run([*words, "short.yml"], cwd=str(tmp_path), env=environ, timeout=PATIENCE_S)
    assert again.returncode == 0
    assert os.listdir(tmp_path / ".bkagent" / "state" / "spool") == []
    store = sqlite3.connect(str(tmp_path / ".bkagent" / "store" / "store.db"))
    assert store.execute("SELECT state, exit_status FROM jobs ORDER BY rowid").fetchall() == [
        ("finished", -1),
        ("finished", 0),
    ]
    store.close()
