"""The whole environment of a job, held against the reference's: names, values by kind, and order where it can be seen.

The situations and what buildkite-agent 3.137 showed in them are tests/data/job_environment.json, each dump as what
differs from `base`; null stands for a variable that is missing.
"""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple

import pytest

from tests.fakes import job_environments

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "job_environment.json").read_text(encoding="utf-8"))
SITUATIONS: Mapping[str, Any] = RECORDED["situations"]


class Difference(NamedTuple):
    """A variable that only one of the two agents shows, in the situations and dumps whose names match."""

    situation: str
    dump: str
    variable: str
    whose: str
    reason: str


OURS, THEIRS = "ours", "the reference's"
DIFFERENCES = (
    Difference("*", "*", "BKAGENT_COMPAT", OURS, "which version a job is run as is told to its commands"),
    Difference("*", "*", "BKAGENT_JOB_MARK", OURS, "by it the processes are known that a job leaves running"),
    Difference("*", "*", "_DD_ROOT_GO_SESSION_ID", THEIRS, "of a library for traces, which the reference links"),
    Difference("hooks*", "[!e]*", "BUILDKITE_MESSAGE", THEIRS, "a hook's unset really removes it: docs/differences.md"),
)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it was recorded on Linux")
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_job_has_the_environment_that_the_reference_gives_it(name: str, archive: str, tmp_path: Path) -> None:
    shown = job_environments.run([sys.executable, archive], SITUATIONS[name]["situation"], tmp_path / "r")
    recorded = SITUATIONS[name]["shows"]
    assert set(shown) == set(recorded)
    for dump in recorded:
        if isinstance(recorded[dump], list):
            assert shown[dump] == recorded[dump], f"order in {dump}"
            continue
        theirs, ours = _without(name, dump, THEIRS, _expand(dump, recorded[dump])), shown[dump]
        assert _without(name, dump, OURS, ours) == theirs, f"variables in {dump}"


def test_every_difference_has_a_reason_and_touches_something() -> None:
    for difference in DIFFERENCES:
        assert difference.reason
        named = [name for name in SITUATIONS if fnmatch(name, difference.situation)]
        dumps = [dump for name in named for dump in SITUATIONS[name]["shows"] if fnmatch(dump, difference.dump)]
        assert dumps, difference


def _expand(dump: str, changes: "Mapping[str, Any]") -> "Dict[str, str]":
    base = RECORDED["base"]["env file" if dump == "env file" else "command"]
    return {name: text for name, text in {**base, **changes}.items() if text is not None}


def _without(situation: str, dump: str, whose: str, variables: "Mapping[str, str]") -> "Dict[str, str]":
    """Return the variables but for the declared ones of one of the agents."""
    left_out = {
        difference.variable
        for difference in DIFFERENCES
        if difference.whose == whose and fnmatch(situation, difference.situation) and fnmatch(dump, difference.dump)
    }
    return {name: text for name, text in variables.items() if name not in left_out}
