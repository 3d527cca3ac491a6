"""`--git-commit-verification`: the words of each version, from flag, variable and file, and what they do in a job."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import pytest

from tests.whole.hand_run import HandRun
from tests.whole.running import Repository, bkagent

# No control plane is asked before the settings are right.
START = ("start", "--token", "t", "--endpoint", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "words, variables, said",
    [
        (["--git-commit-verification", "of"], {}, "flag --git-commit-verification"),
        ([], {"BUILDKITE_GIT_COMMIT_VERIFICATION": "closed"}, "BUILDKITE_GIT_COMMIT_VERIFICATION"),
        (["--compat", "4", "--git-commit-verification", "warn"], {}, 'is "warn" (from the flag'),
        (["--compat", "4", "--git-commit-verification="], {}, 'is "" (from the flag'),
        (["--compat", "4"], {"BUILDKITE_GIT_COMMIT_VERIFICATION": "warn"}, 'is "warn" (from the environment variable'),
    ],
)
def test_a_wrong_word_is_one_sentence(
    archive: str, tmp_path: Path, words: List[str], variables: Dict[str, str], said: str
) -> None:
    done = bkagent(archive, *START, *words, "--build-path", str(tmp_path), cwd=tmp_path, env=variables)
    (line,) = [line for line in done.err.splitlines() if "git-commit-verification" in line or "VERIFICATION" in line]
    assert done.status == 1 and said in line and "fail-closed" in line, done.text


def test_fail_closed_and_off_do_as_they_say(archive: str, tmp_path: Path) -> None:
    hand, upstream = HandRun(archive, tmp_path), Repository(tmp_path / "upstream")
    commit = upstream.git("rev-parse", "HEAD")
    job = {"COMMIT": commit, "BRANCH": "nowhere"}
    done = hand.run("--git-commit-verification", "fail-closed", repository=upstream.folder, command="echo ran", **job)
    assert done.status == 1 and "commit verification unavailable: unable to fetch branch" in done.out, done.text
    assert "ran" not in done.out.splitlines()
    done = hand.run(repository=upstream.folder, command="echo ran", GIT_COMMIT_VERIFICATION="off", **job)
    assert done.status == 0 and "ran" in done.out.splitlines(), done.text
    assert "Skipping commit verification: mode is off" in done.out and "refs/heads/nowhere" not in done.out
