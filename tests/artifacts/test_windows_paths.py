"""Artifacts on Windows: the rules on texts; tests/windows/test_artifacts.py has them with files."""

from __future__ import annotations

import pytest

from bkagent.artifacts.download.paths import case_clashes, steps
from bkagent.artifacts.upload.finding.artifact_path import artifact_path
from bkagent.errors import AgentError
from bkagent.system.windows_names import objection


@pytest.mark.parametrize(
    ("match", "absolute", "path"),
    [
        ("out/a.txt", "C:\\w\\out\\a.txt", "out\\a.txt"),
        ("./out\\a.txt", "C:\\w\\out\\a.txt", "out\\a.txt"),
        ("../a.txt", "C:\\a.txt", "..\\a.txt"),
        ("C:/w/out/a.txt", "C:\\w\\out\\a.txt", "w\\out\\a.txt"),
        ("d:\\x\\a.txt", "d:\\x\\a.txt", "x\\a.txt"),
        ("//server/share/x/a.txt", "\\\\server\\share\\x\\a.txt", "x\\a.txt"),
        # Names no drive, so it is relative: the same for each Python, though `isabs` has changed its mind in 3.13.
        ("/x/a.txt", "C:\\x\\a.txt", "..\\x\\a.txt"),
    ],
)
def test_an_artifact_of_windows_has_the_path_of_version_3_or_slashes(match: str, absolute: str, path: str) -> None:
    for normalised in (False, True):
        expected = path.replace("\\", "/") if normalised else path
        assert artifact_path(match, absolute, "C:\\w", windows=True, normalised=normalised) == expected


def test_a_file_on_another_drive_without_its_full_path_is_an_error() -> None:
    with pytest.raises(AgentError, match=r"^D:a.txt is not on the drive of C:\\w: write the full path"):
        artifact_path("D:a.txt", "D:\\a.txt", "C:\\w", windows=True, normalised=True)


@pytest.mark.parametrize("normalised", [False, True])
def test_elsewhere_a_backslash_is_a_letter(normalised: bool) -> None:
    assert artifact_path("a\\b", "/w/a\\b", "/w", windows=False, normalised=normalised) == "a\\b"
    assert artifact_path("/x/a\\b", "/x/a\\b", "/w", windows=False, normalised=normalised) == "x/a\\b"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CON", "is a device"), ("nul", "is a device"), ("Aux.txt", "is a device"), ("com1", "is a device"),
        ("COM\u00b9.log", "is a device"), ("lpt9 .tar.gz", "is a device"), ("CONIN$", "is a device"),
        ("a:b", "a drive, or a stream"), ("C:", "a drive, or a stream"), ("a.txt::$DATA", "a drive, or a stream"),
        ("a.", "drops the end"), ("a ", "drops the end"), ("...", "drops the end"), (" ", "drops the end"),
        ("a?", "allows no '?'"), ("a\x1fb", "allows no '\\x1f'"), ('"', "allows no '\"'"), ("a|b", "allows no '|'"),
    ],
)  # fmt: skip
def test_what_windows_takes_for_something_else_is_refused_wherever_it_stands(name: str, reason: str) -> None:
    for path in (name, f"out/{name}", f"{name}/a.txt", f"out\\{name}\\a.txt"):
        with pytest.raises(AgentError, match="is not a valid file name on this system: ") as refused:
            steps("C:\\w", path, windows=True)
        assert reason in str(refused.value)
        if "\\" not in path:
            assert steps("/w", path) == path.split("/")


@pytest.mark.parametrize("name", ["console", "nul0", "COM0", "com10", "a.nul", "auxiliary.c", ".git", " a", "é", "COM"])
def test_other_names_are_taken(name: str) -> None:
    assert objection(name) == "" and steps("C:\\w", f"out/{name}", windows=True) == ["out", name]


def test_of_paths_that_differ_by_case_alone_the_first_is_kept() -> None:
    paths = ["out/A.txt", "b", "OUT\\a.txt", "/out/a.TXT", "b", "straße", "STRASSE", "Ä", "ä"]
    assert case_clashes(paths) == {"OUT\\a.txt": "out/A.txt", "/out/a.TXT": "out/A.txt", "ä": "Ä"}
    assert not case_clashes(["out/a", "out\\a", "./out/a", "out/b"])
