"""axe-core, which finds what keeps people with disabilities from using a page.

It is an npm package: `.ci/run` installs it below `.venv/axe`. Tests that use it are skipped where it is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.fakes.tab import Tab

VERSION = "4.10.3"
PATH = Path(__file__).resolve().parents[2] / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """axe.run().then(({passes, violations}) => [passes.length, violations.map(({id, help, nodes}) => [
  id, help, nodes.slice(0, 3).map(({html, failureSummary}) => [html.slice(0, 300), failureSummary])])])"""


def script() -> str:
    """Return the script, or skip the test, by name, where it is missing."""
    if not PATH.exists():
        pytest.skip(f"axe-core is not installed (npm install --prefix .venv/axe axe-core@{VERSION})")
    return PATH.read_text(encoding="utf-8")


def findings(tab: Tab, axe: str) -> List[Dict[str, Any]]:
    """Return what axe finds on the page that a tab shows."""
    tab.run(f"{axe};0")
    passes_count, violations = tab.run(_RUN)
    assert passes_count > 10, "axe has looked at nothing"
    return [{"rule": rule, "help": text, "elements": elements} for rule, text, elements in violations]
