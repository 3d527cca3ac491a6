"""Which files a list of patterns selects, and what is said about the rest."""

import json
import os

import pytest

from bkagent.artifacts import digests
from bkagent.artifacts.upload.finding.collect import Selection, collect
from bkagent.errors import AgentError

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "globs.json")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)
PATTERNS = os.path.join(os.path.dirname(__file__), "..", "data", "path-patterns.json")


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


def read_all(files):
    """Read files as an upload does, which names what cannot be opened; the reference opens while it collects."""
    for file in files:
        digests.read_small(file.absolute)
    return files


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_selections(case, trees):
    warnings = []

    def run():
        return read_all(collect(
            case["paths"], selection(case.get("options", {})), cwd=trees[case["tree"]], home="/nonexistent",
            report=lambda level, text: level == "warn" and warnings.append(text),
        ))  # fmt: skip

    if "error" in case:
        with pytest.raises(AgentError) as caught:
            run()
        assert str(caught.value).replace(trees[case["tree"]], "<tree>") == case["error"]
        return
    assert sorted(found.path for found in run()) == case["files"]
    assert sorted(warnings) == case["warnings"]


def test_patterns_select_what_they_select_with_the_reference(tmp_path):
    with open(PATTERNS, encoding="utf-8") as file:
        recorded = json.load(file)
    tree = str(tmp_path.resolve())
    plant(tree, recorded["tree"])
    got = []
    for row in recorded["uploads"]:
        warnings = []
        chosen = Selection(literal="l" in row[1], follow_symlinks="f" in row[1], skip_symlinks="s" in row[1])
        try:
            found = read_all(collect(
                row[0].replace("<tree>", tree), chosen, cwd=f"{tree}/up/mid/work", home="/root",
                report=lambda level, text, warnings=warnings: (
                    level == "warn" and warnings.append(text.replace(tree, "<tree>"))
                ),
            ))  # fmt: skip
            files = [one.path.replace(tree[1:], "<tree>") for one in found]
            got.append([*row[:2], sorted(files), sorted(warnings)])
        except AgentError as problem:
            got.append([*row[:2], str(problem).replace(tree, "<tree>")])
    assert got == recorded["uploads"]


def test_one_circle_of_links_ends_by_itself_and_more_of_them_are_an_error(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "up").symlink_to("..")
    (tmp_path / "f").touch()
    follow = Selection(follow_symlinks=True)

    def paths():
        found = collect("**/f", follow, cwd=str(tmp_path), home="", report=lambda level, text: None)
        return [one.path for one in found]

    assert {"f", "d/up/f", "d/up/d/up/f"} < set(paths())
    (tmp_path / "d" / "again").symlink_to("..")
    # At a depth just within the system's limit of links, a busy Linux may refuse to open what it has listed.
    refused_by_system = "opening file .*/f: too many levels of symbolic links"
    loop = r"symbolic links form a loop \(.*/d/(up|again) is part of it\)"
    with pytest.raises(AgentError, match=f"{loop}|{refused_by_system}"):
        paths()


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
    assert warnings == [f"{tmp_path / 'pipe'} is skipped: it is not a regular file"]


def test_a_folder_is_read_once_for_all_patterns(tmp_path, monkeypatch):
    for folder in ("a/b", "c"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("top.txt", "a/one.log", "a/b/two.xml", "c/three.txt"):
        (tmp_path / name).touch()
    scandir, listed = os.scandir, []
    monkeypatch.setattr(
        os, "scandir", lambda path: listed.append(os.path.relpath(path, str(tmp_path))) or scandir(path)
    )

    def paths(patterns):
        listed.clear()
        found = collect(patterns, Selection(), cwd=str(tmp_path), home="", report=lambda level, text: None)
        return [file.path for file in found]

    assert paths("a/b/*.xml;**/*.txt;a/**/*.log;a/b/**/*") == ["a/b/two.xml", "a/one.log", "c/three.txt", "top.txt"]
    assert sorted(listed) == [".", "a", "a/b", "c"]
    # The outer pattern does not lead to the inner one's folder: what lies between is not read.
    assert paths("*.txt;a/b/*") == ["top.txt", "a/b/two.xml"]
    assert sorted(listed) == [".", "a/b"]


@pytest.mark.parametrize("follow", [False, True], ids=["links-stay", "links-are-followed"])
def test_a_pattern_that_begins_behind_a_link_is_walked_beside_others(tmp_path, follow):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.log").touch()
    (tmp_path / "link").symlink_to("d")
    report = lambda level, text: None  # noqa: E731
    found = collect("**/*.txt;link/*.log", Selection(follow_symlinks=follow), cwd=str(tmp_path), home="", report=report)
    assert [file.path for file in found] == ["link/x.log"]


def test_paths_of_one_file_that_are_spelled_differently_are_one_file(tmp_path):
    (tmp_path / "w" / "d").mkdir(parents=True)
    (tmp_path / "w" / "d" / "x").touch()
    (tmp_path / "w" / "y").touch()
    debug = []
    patterns = f"d/x;{tmp_path}/w/**/*;../w/d/*;./y;y"
    found = collect(patterns, Selection(), cwd=str(tmp_path / "w"), home="", report=lambda *line: debug.append(line))
    assert [file.path for file in found] == ["d/x", "y"]
    assert [file.absolute for file in found] == [str(tmp_path / "w" / "d" / "x"), str(tmp_path / "w" / "y")]
    assert len([line for line in debug if "duplicate" in line[1]]) == 4
