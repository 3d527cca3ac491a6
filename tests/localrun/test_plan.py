"""What a local run cannot do is said before any job runs; so is what it leaves out on purpose."""

import os
import subprocess
from pathlib import Path
from typing import List, Optional

import pytest

from bkagent.errors import AgentError
from bkagent.localrun import changed, plan, repository, snapshot
from bkagent.localrun.options import RunRequest


def read(folder: Path, text: str, paths: "Optional[List[str]]" = None) -> "tuple[dict, List[str]]":
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "buildkite.yml").write_text(text)
    request = RunRequest(
        folder=str(folder), shell="sh -c", launchers_path="", sockets_path="", environ=dict(os.environ)
    )
    return plan.read(plan.find(request), request, {}, lambda: paths)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{command: x, nonsense: 1}", 'unknown attribute "nonsense"'),
        ("{comand: x, lable: y}", 'did you mean "command" by "comand"?'),
        ("{command: x, dependson: a}", 'did you mean "depends_on"'),
        ("{wait: ~, command_on_failure: true}", "command_on_failure"),
        ("{block: go}", "block steps wait for a person"),
        ("{input: go, fields: [{text: a, key: b}]}", "input steps wait for a person"),
        ("{trigger: other}", "trigger steps are not supported"),
        ("{command: x, secrets: [A]}", "secrets are not supported"),
        ("{group: g, steps: [{command: x, oops: 1}]}", 'unknown attribute "oops"'),
    ],
)
def test_what_cannot_be_honoured_is_one_sentence(tmp_path: Path, step: str, said: str) -> None:
    with pytest.raises(AgentError) as caught:
        read(tmp_path, f"steps:\n  - {step}\n")
    text = str(caught.value)
    assert text.startswith("buildkite.yml: ") and said in text and "\n" not in text


def test_keys_of_the_document_that_hold_anchors_are_no_attributes(tmp_path: Path) -> None:
    document, _ = read(tmp_path, "common: &common {retry: {automatic: true}}\nsteps:\n  - {command: x, <<: *common}\n")
    assert document["steps"] == [{"command": "x", "retry": {"automatic": True}}]


def test_what_is_left_out_on_purpose_is_noted(tmp_path: Path) -> None:
    text = "notify: [{email: a@b.c}]\nsteps:\n  - {group: g, steps: [{command: x, agents: {queue: q}}]}\n"
    _, notes = read(tmp_path, text)
    assert [note.split(":")[0] for note in notes] == ["notify", "agents"]


@pytest.mark.parametrize("place", ["notify: [{0}]\nsteps: [{{command: x}}]", "steps: [{{command: x, notify: [{0}]}}]"])
def test_a_notification_of_an_unknown_kind_is_refused(tmp_path: Path, place: str) -> None:
    for item in ("{pigeon: home}", "pigeon", "{if: 'true'}", "[]", "null", "email"):
        with pytest.raises(AgentError, match="notify must hold notifications of the kinds basecamp_campfire, email"):
            read(tmp_path, place.format(item))
    for item in ("{email: a@b.c, if: build.state == 'failed'}", "github_check", "{github_commit_status: {context: x}}"):
        read(tmp_path, place.format(item))


def test_if_changed_skips_by_the_files_that_changed(tmp_path: Path) -> None:
    text = "steps:\n  - {command: a, if_changed: 'docs/**'}\n  - {command: b, if_changed: 'src/**'}\n"
    for paths, skipped in ((["src/x"], [True, False]), (None, [False, False]), ([], [True, True])):
        document, _ = read(tmp_path, text, paths)
        assert [bool(step.get("skip")) for step in document["steps"]] == skipped
        assert all("if_changed" not in step for step in document["steps"])


def test_changed_files_are_those_on_disk_since_the_default_branch(tmp_path: Path) -> None:
    environ = dict(os.environ)

    def git(folder: Path, *words: str) -> None:
        subprocess.run(
            ["git", "-C", str(folder), *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    origin, work, data = tmp_path / "origin", tmp_path / "work", tmp_path / "data"
    subprocess.run(["git", "init", "-q", "-b", "main", str(origin)], check=True)
    (origin / "old").write_text("x")
    git(origin, "add", ".")
    git(origin, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", str(origin), str(work))
    data.mkdir()

    def paths() -> "Optional[List[str]]":
        found = repository.find(str(work), environ)
        return changed.paths(found, snapshot.take(found, str(data), environ, committed=False), environ)

    assert paths() == ["old"]  # nothing differs: those of the newest commit
    (work / "untracked").write_text("x")
    (work / "größe").write_text("x")
    git(work, "checkout", "-qb", "topic")
    (work / "committed").write_text("x")
    git(work, "add", "committed")
    git(work, "commit", "-qm", "second")
    assert sorted(paths() or []) == ["committed", "größe", "untracked"]
    git(work, "remote", "remove", "origin")
    assert paths() is None
