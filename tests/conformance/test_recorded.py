"""The recorded behaviour of the reference, held against the built archive where the records lie beside the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TOP

SHARED = Path(TOP).parent / "shared"
DIFFER = SHARED / "tools" / "differ" / "differ.py"
RECORDED = SHARED / "reference" / "recorded"
DIFFERENCES = Path(__file__).with_name("differences.json")
# Area -> its scenarios. What else is recorded of locks takes them, which no agent of this release hands out.
_WHOLE = (
    "cli", "annotations", "meta-data", "steps", "env", "hooks", "command", "checkout", "plugins", "cancel", "redaction",
    "logs", "pipeline", "artifacts", "faults",
)  # fmt: skip
AREAS = {area: f"{area}/*" for area in _WHOLE}
AREAS.update({"lock": "lock/bad-arguments", "configuration": "agent/config*", "signals": "agent/signals*"})
AREAS["agent"] = "agent/[!cs]*"  # the others but those that check signatures
LIMIT_S = 900

needs_records = pytest.mark.skipif(not DIFFER.exists(), reason="the recorded scenarios do not lie beside this checkout")
needs_python = pytest.mark.skipif(sys.version_info < (3, 9), reason="the comparison itself needs Python 3.9")


@needs_records
@needs_python
@pytest.mark.parametrize("area", AREAS)
def test_an_area_differs_by_declared_rules_alone(area: str, archive: str) -> None:
    argv = [
        sys.executable, str(DIFFER), "compare", "--agent", archive, "--scenarios", str(RECORDED / "scenarios"),
        "--records", str(RECORDED / "records"), "--only", AREAS[area], "--differences", str(DIFFERENCES), "--jobs", "2",
    ]  # fmt: skip
    done = subprocess.run(argv, env=dict(os.environ), capture_output=True, encoding="utf-8", timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed" in done.stdout.splitlines()[-1]


def test_every_rule_has_a_reason_and_touches_one_thing() -> None:
    import json

    rules = json.loads(DIFFERENCES.read_text(encoding="utf-8"))["allow"]
    for rule in rules:
        assert rule["reason"] and rule["field"] not in ("*", ""), rule
        assert len({"ignore", "drop_keys", "drop_lines", "drop_requests", "pattern"} & set(rule)) == 1, rule
