"""`artifact upload` and `artifact download` as commands: their words, flags and statuses."""

import os
import signal
import subprocess
import threading

import pytest

from bkagent.config.launching import self_command
from tests.cli_in_job.conftest import JOB_ID
from tests.fakes.scripted_server import Answer, Raw


@pytest.fixture
def folder(job, tmp_path, monkeypatch):
    made = tmp_path / "work"
    made.mkdir()
    monkeypatch.chdir(str(made))
    return made


def store(job):
    form = {
        "action": {"url": job.server.url + "/", "method": "POST", "path": "/form", "file_input": "file"},
        "data": {},
    }
    job.server.routes.update({
        f"POST /v3/jobs/{JOB_ID}/artifacts": lambda request: Answer(201, {
            "artifact_ids": [f"i{at}" for at in range(len(request.document["artifacts"]))], "upload_instructions": form,
        }),
        f"PUT /v3/jobs/{JOB_ID}/artifacts": (200, {}), "POST /form": Answer(204),
    })  # fmt: skip


def test_upload_and_its_flags(job, folder):
    store(job)
    (folder / "a*b").write_bytes(b"x")
    (folder / "axb").write_bytes(b"y")
    done = job.run("artifact", "upload", "a*b,axb", "--literal", "--delimiter", ",", "--content-type=x/y")
    assert done.stdout == b"" and b"Artifact uploads completed successfully" in done.stderr
    records = job.server.seen[0].document["artifacts"]
    assert sorted(record["path"] for record in records) == ["a*b", "axb"]
    assert {record["content_type"] for record in records} == {"x/y"}
    assert [request.headers.get("authorization") for request in job.server.seen if request.path == "/form"] == [
        None
    ] * 2


def test_a_small_artifact_goes_by_the_connection_of_the_jobs_process(job, folder):
    store(job)
    (folder / "a").write_bytes(b"content")
    for _ in range(3):
        job.run("artifact", "upload", "a")
    forms = [request for request in job.server.seen if request.path == "/form"]
    assert len(forms) == 3 and all(b"content" in form.body for form in forms) and job.server.connections_count == 1
    for form in forms:
        # Nothing of ours, and no token, goes to a storage that need not be the control plane's.
        assert {name for name in form.headers if "bkagent" in name or name == "authorization"} == set()
        assert form.headers["content-type"].startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize(
    "first_answer",
    [Answer(500, body=b"down"), Answer(307, headers={"Location": "/moved"}), Raw()],
    ids=["unavailable", "moved", "cut off"],
)
def test_what_does_not_arrive_by_the_jobs_process_is_sent_again(job, folder, first_answer):
    store(job)
    job.server.routes.update({"POST /form": [first_answer, Answer(204)], "POST /moved": Answer(204)})
    (folder / "a").write_bytes(b"content")
    job.run("artifact", "upload", "a")
    assert [line for line in job.server.lines if line == "POST /form"] == ["POST /form"] * 2
    assert job.server.seen[-1].document["artifacts"] == [{"id": "i0", "state": "finished"}]


def test_many_artifacts_go_by_connections_of_the_command(job, folder):
    store(job)
    for number in range(5):
        (folder / f"f{number}").write_bytes(b"content")
    job.run("artifact", "upload", "f*")
    of_process = {request.connection for request in job.server.seen if request.path != "/form"}
    of_forms = [request.connection for request in job.server.seen if request.path == "/form"]
    assert len(of_forms) == 5 and not of_process.intersection(of_forms)


def test_old_names_of_flags_warn(job, folder):
    store(job)
    (folder / "a").write_bytes(b"x")
    assert (
        b"renamed to --glob-resolve-follow-symlinks" in job.run("artifact", "upload", "a", "--follow-symlinks").stderr
    )


@pytest.mark.parametrize(
    "words, env, says",
    [
        ([], {}, b"Missing upload paths"),
        (["a[b"], {}, b'collecting artifacts: invalid glob pattern "a[b": unterminated char class'),
        (["a", "ftp://x"], {}, b"failed to upload artifacts: creating uploader: invalid upload destination: 'ftp://x'"),
        (["a"], {"BUILDKITE_ARTIFACT_UPLOAD_DESTINATION": "rt://r/p"}, b"uploader: must set BUILDKITE_ARTIFACTORY_"),
        (["a"], {"BUILDKITE_JOB_ID": None}, b"Missing job"),
        (["a", "--concurrency", "many"], {}, b"concurrency must be a whole number"),
    ],
)  # fmt: skip
def test_uploads_that_cannot_begin(job, folder, words, env, says):
    (folder / "a").write_bytes(b"x")
    assert says in job.run("artifact", "upload", *words, env=env, expect=1).stderr
    assert not job.server.seen


def test_less_than_no_uploads_at_once_is_the_default_number(job, folder):
    store(job)
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(b"x" * 100_000)
    assert b"max_workers=3 " in job.run("artifact", "upload", "?", "--concurrency", "-1").stderr


def test_nothing_to_upload_is_no_failure(job, folder):
    assert b"No files matched paths: none*" in job.run("artifact", "upload", "none*").stderr


def test_download(job, folder):
    row = {"path": "dist/a", "file_size": 7, "url": job.server.url + "/get"}
    job.server.routes["GET /v3/builds/b1/artifacts/search"] = (200, [row])
    job.server.routes["GET /get"] = Answer(200, body=b"content")
    job.run("artifact", "download", "dist/*", ".", "--build", "b1", "--step", "s", "--include-retried-jobs")
    assert (folder / "dist" / "a").read_bytes() == b"content"
    assert job.server.seen[0].query == "include_retried_jobs=true&query=dist%2F%2A&scope=s&state=finished"


@pytest.mark.parametrize(
    "words, env, says",
    [
        ([], {}, b"Missing artifact search query"), (["x"], {}, b"Missing artifact download path"),
        (["x", "."], {"BUILDKITE_BUILD_ID": None}, b"Missing build"),
        (["x", "nowhere"], {}, b"failed to download artifacts: could not find information about destination"),
    ],
)  # fmt: skip
def test_downloads_that_cannot_begin(job, folder, words, env, says):
    environ = {"BUILDKITE_BUILD_ID": "b1", **env}
    assert says in job.run("artifact", "download", *words, env=environ, expect=1).stderr
    assert not job.server.seen


def test_an_interrupt_ends_an_upload_at_once(job, folder):
    store(job)
    entered, hold = threading.Event(), threading.Event()

    def silent(request):
        entered.set()
        hold.wait(60)
        return Answer(204)

    job.server.routes["POST /form"] = silent
    for number in range(40):
        (folder / f"f{number}").write_bytes(b"x")
    command = self_command.command(["artifact", "upload", "*"])
    running = subprocess.Popen(command, env=job.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert entered.wait(30)
        os.kill(running.pid, signal.SIGINT)
        running.communicate(timeout=30)
        assert running.returncode == 130
    finally:
        hold.set()
        running.kill()
        running.communicate()
