"""`pipeline upload --dry-run` reads and writes numbers as the reference does: as values, as keys and as texts."""

import json
import os

import pytest

from bkagent.cli.main import main

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "numbers.json")
with open(VECTORS, encoding="utf-8") as file:
    CASES = json.load(file)["cases"]
STEP = "- command: c\n  env:\n    A: {0}\n  m:\n    {0}: 0\n  x: {0}\n"


def steps_of_json(text):
    """Return the lines of each step, joined by blanks."""
    blocks = text.partition("    {\n")[2].rpartition("\n    }")[0].split("\n    },\n    {\n")
    return [" ".join(line.strip() for line in block.split("\n")) for block in blocks]


def steps_of_yaml(text):
    """Return the lines of each step, without their indentation."""
    blocks = text.partition("    - ")[2].rstrip("\n").split("\n    - ")
    return [block.replace("\n      ", "\n") for block in blocks]


@pytest.mark.parametrize(("form", "steps_of"), [("json", steps_of_json), ("yaml", steps_of_yaml)])
def test_recorded_numbers(form, steps_of, tmp_path, monkeypatch, capfd):
    (tmp_path / "in.yml").write_text("steps:\n" + "".join(STEP.format(case[0]) for case in CASES), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BUILDKITE_AGENT_ACCESS_TOKEN": "token"}
    assert main(["pipeline", "upload", "--dry-run", "--format", form, "in.yml"], environ) == 0
    written = steps_of(capfd.readouterr().out)
    recorded = [case[1 if form == "json" else 2] for case in CASES]
    wrong = [pair for pair in zip((case[0] for case in CASES), recorded, written) if pair[1] != pair[2]]
    assert (wrong, len(written)) == ([], len(CASES))
