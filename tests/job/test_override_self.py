"""A program in our place, as the reference's own tests put one there: what it is called for, and when."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.job.conftest import MOSTLY_WARM, JobSandbox

STARTS = MOSTLY_WARM
ID = "1111-1111-1111-1111"
PROGRAM = f"""#!{sys.executable}
import json, os, sys

words = sys.argv[1:]
if words == ["env", "dump"]:
    os.environ["DUMPED_BY"] = "the program"
    print(json.dumps(dict(os.environ)))
else:
    text = "" if words[:2] != ["meta-data", "set"] else " <- " + sys.stdin.readline().split()[0]
    with open(os.environ["SEEN"], "a") as seen:
        print(*words, text, file=seen)
sys.exit(1 if words[:2] == ["meta-data", "exists"] else int(os.environ.get("ENDS", "0")))
"""


@pytest.fixture(autouse=True)
def program(sandbox: JobSandbox) -> None:
    """Put a program `mine` on the job's PATH, which writes down what it is called for."""
    folder = sandbox.root / "programs"
    folder.mkdir()
    (folder / "mine").write_text(PROGRAM, encoding="ascii")
    (folder / "mine").chmod(0o755)
    sandbox.env.update(PATH=f"{folder}{os.pathsep}{sandbox.env['PATH']}", BUILDKITE_OVERRIDE_SELF="mine")


def _repository(root: pathlib.Path) -> str:
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    return str(root)


def test_it_is_called_for_meta_data_and_artifacts(sandbox: JobSandbox) -> None:
    sandbox.env.pop("BUILDKITE_SKIP_CHECKOUT")
    own = {
        "BUILDKITE_JOB_ID": ID, "BUILDKITE_REPO": _repository(sandbox.root / "repository"),
        "BUILDKITE_ARTIFACT_PATHS": "a;b/**", "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION": "s3://there",
    }  # fmt: skip
    ended = sandbox.run("true", own)
    assert ended.status == 0
    assert sandbox.seen() == [
        "meta-data exists buildkite:git:commit ",
        "meta-data set buildkite:git:commit  <- commit",
        "artifact upload a;b/** s3://there ",
    ]
    assert ended.has("$ mine meta-data exists buildkite:git:commit")


def test_it_dumps_the_environment_around_hooks(sandbox: JobSandbox) -> None:
    sandbox.hook("environment", "export MADE='two\nlines'")
    ended = sandbox.run('echo "$DUMPED_BY: $MADE"', {"BUILDKITE_JOB_ID": ID})
    assert (ended.status, ended.has("lines")) == (0, True)
    assert ended.has(": two")  # the same value in both dumps is no change


def test_what_it_fails_with_fails_the_upload(sandbox: JobSandbox) -> None:
    ended = sandbox.run("true", {"BUILDKITE_JOB_ID": ID, "BUILDKITE_ARTIFACT_PATHS": "a", "ENDS": "3"})
    assert ended.status == 3


def test_it_is_not_called_by_another_job(sandbox: JobSandbox) -> None:
    sandbox.run("true", {"BUILDKITE_ARTIFACT_PATHS": "a"})
    assert sandbox.seen() == []


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("null", '{"MADE":"\\\\ud800 \\377"}', "made \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}"),
        ("{}", "null", "made none"),
        ('{"MADE":null}', '{"MADE":"b","MADE":"c"}', "made c"),
    ],
)
def test_dumps_are_read_as_go_reads_them(sandbox: JobSandbox, before: str, after: str, shown: str) -> None:
    dumps = sandbox.root / "dumps"
    dumps.mkdir()
    program = sandbox.root / "programs" / "mine"
    program.write_text(
        f"#!/bin/sh\nif [ -e {dumps}/b ]; then printf '{after}'; else : >{dumps}/b; printf '{before}'; fi\n"
    )
    sandbox.hook("environment", ":")
    ended = sandbox.run('echo "made ${MADE-none}"', {"BUILDKITE_JOB_ID": ID})
    assert ended.has(shown), ended.lines
