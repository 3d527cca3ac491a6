"""Which files a list of patterns selects, and what is said about the rest."""

import json
import os

import pytest

from bkagent.artifacts.collect import Selection, collect
from bkagent.errors import AgentError

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "globs.json")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)


def plant(root, tree):
    for path in tree["files"]:
        os.makedirs(os.path.dirname(os.path.join(root, path)) or root, exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(path)
    for path in tree["dirs"]:
        os.makedirs(os.path.join(root, path))
    for path, target in tree["links"].items():
        os.symlink(target, os.path.join(root, path))


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    planted = {}
    for name, tree in RECORDED["about"]["trees"].items():
        planted[name] = str(tmp_path_factory.mktemp(name).resolve())
        plant(planted[name], tree)
    return planted


def selection(options):
    return Selection(
        delimiter=options.get("delim", ";"), literal=options.get("literal", False),
        follow_symlinks=options.get("follow", False), skip_symlinks=options.get("skip", False),
    )  # fmt: skip


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_selections(case, trees):
    warnings = []

    def run():
        return collect(
            case["paths"], selection(case.get("options", {})), cwd=trees[case["tree"]], home="/nonexistent",
            report=lambda level, text: warnings.append(text),
        )  # fmt: skip

    if "error" in case:
        with pytest.raises(AgentError) as caught:
            run()
        assert str(caught.value).replace(trees[case["tree"]], "<tree>") == case["error"]
        return
    assert sorted(found.path for found in run()) == case["files"]
    assert sorted(warnings) == case["warnings"]


def test_what_is_no_regular_file_is_left_out_with_a_warning(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(str(tmp_path / "pipe"))
    (tmp_path / "file").write_bytes(b"")
    warnings = []
    found = collect(
        "*", Selection(), cwd=str(tmp_path), home="", report=lambda level, text: warnings.append(text)
    )  # fmt: skip
    assert [one.path for one in found] == ["file"]
    assert warnings == [f"{tmp_path / 'pipe'} is left out: it is no regular file"]
