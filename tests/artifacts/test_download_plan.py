"""Lists of artifacts in which several want to be the same file."""

import os

import pytest

from bkagent.artifacts.download.destination_folder import DestinationFolder, open_folder
from bkagent.artifacts.download.plan import plan
from bkagent.wire.artifacts import Artifact


@pytest.fixture
def folder(tmp_path):
    root = open_folder(str(tmp_path))
    yield DestinationFolder(root, str(tmp_path), False)
    root.close()


def planned(folder, artifacts):
    reports = []
    rows = plan(artifacts, folder, lambda level, text: reports.append((level, text)))
    return {f"{row.artifact.path} {row.artifact.id}": row.problem for row in rows}, reports


@pytest.mark.parametrize(
    ("times", "newest"),
    [
        (["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z", "2019-01-01T00:00:00Z"], 1),
        (["2020-01-01T02:00:00+02:00", "2020-01-01T00:00:00Z"], 1),
        (["2020-01-01T00:00:01Z", "2020-01-01T02:00:00+02:00"], 0),
        (["", "2020-01-01T00:00:00Z", "yesterday"], 1),
        (["", "", ""], 2),
        (["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"], 1),
    ],
)
def test_of_one_path_the_last_one_uploaded_is_downloaded(folder, times, newest):
    artifacts = [Artifact("a/x", 1, id=str(at), job_id="j", created_at=time) for at, time in enumerate(times)]
    artifacts += [Artifact("b", 1, id="b")]
    rows, reports = planned(folder, artifacts)
    assert rows == {f"a/x {newest}": "", "b b": ""}
    says = f'{len(times)} artifacts have the path "a/x": the one uploaded last is downloaded ({newest} of job j)'
    assert reports == [("warn", says)]


def test_paths_that_mean_one_file_are_one_file(folder):
    artifacts = [Artifact(path, 1) for path in ("../x", "x", "./x", "/x", "y//..//x")]
    assert list(planned(folder, artifacts)[0]) == ["y//..//x "]


def test_a_file_that_is_a_folder_of_another_is_named(folder):
    rows, _ = planned(folder, [Artifact(path, 1) for path in ("a", "a/b/c", "a/b", "A")])
    assert [path for path, problem in rows.items() if "has this path as its folder" in problem] == ["a ", "a/b "]
    assert rows["a/b/c "] == rows["A "] == ""


def test_names_that_differ_by_case_are_two_files_only_where_the_folder_says_so(folder, monkeypatch):
    artifacts = [Artifact(path, 1) for path in ("Readme", "README", "d/x", "D/y")]
    apart = not os.path.exists(__file__.upper())
    rows, _ = planned(folder, artifacts)
    assert all(not problem for problem in rows.values()) == apart
    monkeypatch.setattr(folder, "tells_case_apart", lambda: False)
    rows, _ = planned(folder, artifacts)
    assert [path for path, problem in rows.items() if problem] == ["README "]
    assert rows["README "].startswith('"Readme" is the same file here')
