"""docs/contributing.md names files that exist, and .git-blame-ignore-revs commits that exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tests.source_tree import TOP

_HEADINGS = ("a command", "an option", "a step attribute", "a hook", "a platform difference")


def _read(name: str) -> str:
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def test_each_file_that_the_page_names_exists() -> None:
    text = _read("docs/contributing.md")
    quoted = re.findall(r"`([^`\s]+/[^`\s]*|[^`\s]+\.(?:py|md|sh|json))`", text)
    commands = re.findall(r"^    sh (\S+)$|python3 (\S+\.py)|sh (\S+\.sh)", text, re.MULTILINE)
    links = [os.path.join("docs", link) for link in re.findall(r"\]\(([^)]+)\)", text)]
    names = {*quoted, *links, *(name for names in commands for name in names if name)}
    made = {".venv/", "build/screenshots/", "dist/bkagent.pyz"}
    assert len(names) > 30
    assert not sorted(name for name in names - made if not os.path.exists(os.path.join(TOP, name)))


def test_each_kind_of_change_takes_five_steps() -> None:
    sections = re.split(r"^## Add ", _read("docs/contributing.md"), flags=re.MULTILINE)[1:]
    assert tuple(section.split("\n")[0] for section in sections) == _HEADINGS
    for section in sections:
        assert re.findall(r"^(\d)\. ", section, re.MULTILINE) == ["1", "2", "3", "4", "5"]


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/contributing.md)" in _read("README.md")


def test_blame_passes_over_commits_that_exist() -> None:
    if shutil.which("git") is None or not os.path.exists(os.path.join(TOP, ".git")):
        pytest.skip("this is no clone")
    revisions = re.findall(r"^([0-9a-f]{40})$", _read(".git-blame-ignore-revs"), re.MULTILINE)
    assert revisions
    for revision in revisions:
        argv = ["git", "-C", TOP, "merge-base", "--is-ancestor", revision, "HEAD"]
        done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=False)
        if "shallow" in done.stderr or os.path.exists(os.path.join(TOP, ".git", "shallow")):
            pytest.skip("this clone has no history")
        assert done.returncode == 0, (revision, done.stderr)
