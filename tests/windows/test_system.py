"""The Windows halves of bkagent/system that no job shows."""

from __future__ import annotations

from pathlib import Path

from tests.windows.wine_session import WineSession

CHECKS = Path(__file__).with_name("system_checks.py")
CHECKOUT = CHECKS.parent.parent.parent


def test_the_promises_of_system_hold(wine: WineSession, python: str) -> None:
    names = [line[10:].partition("(")[0] for line in CHECKS.read_text().splitlines() if line.startswith("def check_")]
    done = wine.run(wine.python(python), "-I", wine.windows_path(CHECKS), wine.windows_path(CHECKOUT))
    assert (done.stdout.split(), done.stderr, done.returncode) == (names, "", 0)
    assert len(names) > 10
