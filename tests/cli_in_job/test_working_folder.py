"""`workdir set`: the folder of the rest of the job."""

import os

import pytest


def test_the_job_learns_the_whole_path(job, tmp_path):
    (tmp_path / "gr\u00fcn").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "gr\u00fcn")
    inside = os.path.join(os.path.realpath(str(tmp_path)), "gr\u00fcn")
    assert job.run("workdir", "set", "gr\u00fcn/../gr\u00fcn", cwd=str(tmp_path)).stdout == f"{inside}\n".encode()
    done = job.run("workdir", "set", str(tmp_path / "link"), "--output-format", "json")
    assert done.stdout == f'{{"workdir":"{tmp_path / "link"}"}}\n'.encode()
    assert job.run("workdir", "set", ".", "--output-format=quiet", cwd=inside).stdout == b""
    assert job.state.folders == [inside, str(tmp_path / "link"), inside]


@pytest.mark.parametrize(
    "words, says",
    [
        ([], b"expected exactly one argument (the working directory), got 0"),
        (["a", "b"], b"expected exactly one argument (the working directory), got 2"),
        (["missing"], b"no such file or directory"), (["file"], b"is not a directory"), (["file/x"], b"checking"),
        ([".", "--output-format", "odd"],
         b'output-format must be quiet, plain or json, not "odd" (flag --output-format)'),
    ],
)  # fmt: skip
def test_what_is_no_folder_changes_nothing(job, tmp_path, words, says):
    (tmp_path / "file").write_text("x")
    done = job.run("workdir", "set", *words, cwd=str(tmp_path), expect=1)
    assert says in done.stderr and done.stdout == b"" and job.state.folders == []


def test_outside_a_job(outside, tmp_path):
    done = outside.run("workdir", "set", str(tmp_path), expect=1)
    assert b"could not create Job API client: BUILDKITE_AGENT_JOB_API_SOCKET empty or undefined" in done.stderr
