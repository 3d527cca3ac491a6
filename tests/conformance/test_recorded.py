"""The recorded behaviour of the reference, held against the built archive where the records lie beside the checkout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from tests.conftest import TOP

SHARED = Path(TOP).parent / "shared"
DIFFER = SHARED / "tools" / "differ" / "differ.py"
RECORDED = SHARED / "reference" / "recorded"
DIFFERENCES = Path(__file__).with_name("differences.json")
# Area -> its scenarios.
_WHOLE = (
    "cli", "annotations", "meta-data", "steps", "env", "hooks", "command", "checkout", "plugins", "cancel", "redaction",
    "lock", "logs", "pipeline", "artifacts", "faults",
)  # fmt: skip
AREAS = {area: f"{area}/*" for area in _WHOLE}
AREAS.update({"configuration": "agent/config*", "signals": "agent/signals*"})
AREAS["agent"] = "agent/[!cs]*"  # the others, but for these
AREAS["signatures"] = "agent/signature*"
# Areas of single commands, whose words are looked at by test_sentences.py as well, of the same runs.
WORDED = ("annotations", "cli", "env", "meta-data", "pipeline", "steps")
LIMIT_S = 900

needs_records = pytest.mark.skipif(not DIFFER.exists(), reason="the recorded scenarios do not lie beside this checkout")
needs_python = pytest.mark.skipif(sys.version_info < (3, 9), reason="the comparison itself needs Python 3.9")


@needs_records
@needs_python
@pytest.mark.parametrize("area", [area for area in AREAS if area not in WORDED])
def test_an_area_differs_by_declared_rules_alone(area: str, archive: str, tmp_path: Path) -> None:
    scenarios = without_race(tmp_path) if area == "cancel" else RECORDED / "scenarios"
    check_rules(run_differ(str(DIFFER), "compare", "--only", AREAS[area], *arguments(archive, scenarios)))


def without_race(folder: Path) -> Path:
    """Return a copy of the scenarios in which the one race of theirs is mended.

    "job-token-revoked" expects its command to run by the first question for the job's state, one second after the job
    was taken. On a busy machine the clone takes longer than that, so here the question comes later.
    """
    copied = folder / "scenarios"
    shutil.copytree(RECORDED / "scenarios", copied)
    path = copied / "cancel" / "job-token-revoked.json"
    scenario = json.loads(path.read_text(encoding="utf-8"))
    scenario["server"]["register"] = {"job_status_interval": 8}
    path.write_text(json.dumps(scenario), encoding="utf-8")
    return copied


def arguments(archive: str, scenarios: Path = RECORDED / "scenarios") -> "List[str]":
    """Return what every comparison of the archive is told."""
    return [
        "--agent", archive, "--scenarios", str(scenarios), "--records", str(RECORDED / "records"),
        "--differences", str(DIFFERENCES), "--jobs", "2",
    ]  # fmt: skip


def run_differ(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run a comparison to its end."""
    environ = dict(os.environ)
    return subprocess.run(
        [sys.executable, *words], env=environ, capture_output=True, encoding="utf-8", timeout=LIMIT_S
    )  # fmt: skip


def check_rules(done: "subprocess.CompletedProcess[str]") -> None:
    """Check that a comparison has found no difference but declared ones."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed" in done.stdout.splitlines()[-1]


def test_every_rule_has_a_reason_and_touches_one_thing() -> None:
    rules = json.loads(DIFFERENCES.read_text(encoding="utf-8"))["allow"]
    for rule in rules:
        assert rule["reason"] and rule["field"] not in ("*", ""), rule
        assert len({"ignore", "drop_keys", "drop_lines", "drop_requests", "pattern"} & set(rule)) == 1, rule
