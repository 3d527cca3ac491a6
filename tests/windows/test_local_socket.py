"""Named pipes, by themselves and below the job's server."""

from __future__ import annotations

from pathlib import Path

from tests.windows.wine_session import WineSession

CHECKS = Path(__file__).with_name("pipe_checks.py")
CHECKOUT = CHECKS.parent.parent.parent


def test_named_pipes_stand_for_local_sockets(wine: WineSession, python: str) -> None:
    names = [line[10:].partition("(")[0] for line in CHECKS.read_text().splitlines() if line.startswith("def check_")]
    argv = [wine.python(python), "-I", wine.windows_path(CHECKS), wine.windows_path(CHECKOUT)]
    done = wine.run(*argv)
    assert (done.stdout.split(), done.stderr, done.returncode) == (names, "", 0), done
    assert len(names) > 10
