"""What the command line prints: sentences that are declared, and for the rest what the reference prints."""

import io
import json
import os
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from bkagent.cli.main import main
from tests.conformance import sentences
from tests.conformance.test_recorded import (
    DIFFER,
    WORDED,
    arguments,
    check_rules,
    needs_python,
    needs_records,
    run_differ,
)
from tests.conftest import TOP

REFUSALS = json.loads((Path(TOP) / "tests" / "data" / "cli_refusals.json").read_text(encoding="utf-8"))["rows"]
COMPARISON = str(Path(__file__).with_name("comparison.py"))
# Requests are shown in a form of our own.
_ELSEWHERE = ("cli/debug-http",)


def test_a_declared_sentence_says_something_of_its_own() -> None:
    assert len(set(sentences.SENTENCES)) == len(sentences.SENTENCES)
    assert [text for text in sentences.SENTENCES if sentences.literal_letters(text) < 8] == []


def test_a_sentence_that_is_not_declared_is_told_from_one_that_is() -> None:
    assert sentences.is_declared('bkagent: fatal: priority must be a whole number, not "x" (flag --priority)')
    assert sentences.is_declared('<time> WARN   unknown experiment "llamas"')
    assert not sentences.is_declared('bkagent: fatal: priority should be a whole number, not "x" (flag --priority)')
    assert not sentences.is_declared("bkagent: fatal: ")


@pytest.mark.parametrize("command", sorted({row["command"] for row in REFUSALS}))
def test_a_refusal_has_the_status_and_the_streams_of_the_reference(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    differing, undeclared = [], []
    for words, status, page in _refusals(command):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            got = main(words, dict(environ))
        lines = err.getvalue().splitlines()
        shown = "help" if out.getvalue().lower().startswith("usage") else out.getvalue()
        if (got, shown, len(lines)) != (status, page, int(status != 0)):
            differing.append((words, got, shown, lines))
        undeclared += [line for line in lines if not sentences.is_declared(line)]
    assert differing == []
    assert undeclared == []


def _refusals(command: str) -> "List[Tuple[List[str], int, str]]":
    """Return (words, exit status, what is on standard output) of each recorded refusal of a command."""
    refusals = []
    for row in REFUSALS:
        if row["command"] == command:
            for words in row["words"]:
                line = f"{command} {words.replace('<required>', row['required'])}"
                refusals.append((line.split(), row["exit"], row["stdout"]))
    return refusals


@needs_records
@needs_python
@pytest.mark.parametrize("area", [*WORDED, "tools"])
def test_an_area_differs_by_declared_rules_and_in_declared_sentences_alone(
    area: str, archive: str, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    done = run_differ(COMPARISON, str(DIFFER), f"{area}/*", str(report), *arguments(archive))
    if area in WORDED:
        check_rules(done)
    text = report.read_text(encoding="utf-8")
    assert re.search(r"^\d+ passed, \d+ failed$", text, re.MULTILINE), text + done.stderr
    undeclared = [
        (name, line)
        for name, line in _own_lines(text)
        if name not in _ELSEWHERE and not sentences.is_declared(line)
    ]  # fmt: skip
    assert undeclared == []


def _comparable(line: str) -> str:
    """Return a line with one name for both programs, and without the fields that the reference adds when it debugs."""
    return re.sub(r" command=.*", "", line.replace("buildkite-agent", "bkagent"))


def _own_lines(report: str) -> "List[Tuple[str, str]]":
    """Return (scenario, line) of each line that is not, in whatever order, among the lines of the record.

    What is said for debugging has a form of its own.
    """
    name = ""
    own: List[Tuple[str, str]] = []
    recorded: Dict[str, int] = {}
    pending: List[str] = []
    for line in [*report.splitlines(), "same      the end"]:
        if not line.startswith("      "):
            own += [(name, text) for text in pending if not _take(recorded, text)]
            recorded, pending = {}, []
            name = line.split()[1] if line.startswith(("DIFFERENT", "same")) else name
        elif line.startswith("      +") and not line.startswith("      +++") and "<time> DEBUG" not in line:
            pending.append(line[7:])
        elif line.startswith("      -") and not line.startswith("      ---"):
            text = _comparable(line[7:])
            recorded[text] = recorded.get(text, 0) + 1
    return own


def _take(recorded: "Dict[str, int]", text: str) -> bool:
    text = _comparable(text)
    recorded[text] = recorded.get(text, 0) - 1
    return recorded[text] >= 0
