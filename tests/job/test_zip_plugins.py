"""Plugins that come as zip archives: from files and over HTTP, checked, and unpacked where they can do no harm."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import stat
import threading
import warnings
import zipfile
from typing import Dict, Iterator, List, Optional, Tuple

import pytest

from tests.job.conftest import MOSTLY_WARM, Ended, JobSandbox

STARTS = MOSTLY_WARM
HOOK = 'export FROM_ZIP=yes; echo "hook $BUILDKITE_PLUGIN_NAME" >>"$SEEN"\n'


def archive(path: pathlib.Path, files: Dict[str, str], modes: Optional[Dict[str, int]] = None) -> pathlib.Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o755) << 16
            made.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return path


def run(sandbox: JobSandbox, source: str, experiment: str = "zip-plugins", **env: str) -> Ended:
    plugins = {"BUILDKITE_PLUGINS": json.dumps([source]), "BUILDKITE_PLUGINS_PATH": str(sandbox.root / "plugins")}
    return sandbox.run('echo "<$FROM_ZIP>"', {**plugins, "BUILDKITE_AGENT_EXPERIMENT": experiment, **env})


def problem(ended: Ended) -> str:
    assert ended.status == 1
    return next(line for line in ended.lines if "Error: " in line)


@contextlib.contextmanager
def served(data: bytes, statuses: Tuple[int, ...] = ()) -> Iterator[Tuple[str, List[str]]]:
    """Serve an archive after answers of other statuses; yield the host and what the requests were authorised by."""
    seen: List[str] = []
    left = list(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(left.pop(0) if left else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()


def test_its_hooks_run_and_it_is_gone_after_the_job(sandbox: JobSandbox) -> None:
    path = archive(sandbox.root / "my.zip", {"hooks/environment": HOOK, "plugin.yml": "name: my\n"})
    ended = run(sandbox, f"zip+file://{path}")
    assert (ended.status, sandbox.seen()) == (0, ["hook MY_ZIP"])
    assert ended.has("<yes>") and ended.has('# Plugin "my-zip" will be downloaded as zip archive')
    assert list((sandbox.root / "plugins").glob("**/*environment")) == []


def test_only_with_the_experiment(sandbox: JobSandbox) -> None:
    text = problem(run(sandbox, "zip+https://example.com/my.zip", experiment=""))
    assert 'zip plugins require the "zip-plugins" experiment to be enabled' in text


def test_the_digest_is_compared(sandbox: JobSandbox) -> None:
    path = archive(sandbox.root / "my.zip", {"hooks/environment": HOOK})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert run(sandbox, f"zip+file://{path}#sha256:{digest}").status == 0
    sandbox.env["BUILDKITE_JOB_ID"] = "job-2"
    plugins = {"BUILDKITE_PLUGINS": json.dumps([f"zip+file://{path}#sha256:{'0' * 64}"])}
    common = {"BUILDKITE_PLUGINS_PATH": str(sandbox.root / "plugins"), "BUILDKITE_AGENT_EXPERIMENT": "zip-plugins"}
    assert "SHA256 verification failed" in problem(sandbox.run("true", {**plugins, **common}, job_id="job-2"))


def test_a_version_of_another_form_is_refused(sandbox: JobSandbox) -> None:
    assert 'unsupported version format "v1"' in problem(run(sandbox, "zip+file:///x.zip#v1"))


def test_over_http_with_a_user_and_another_try(sandbox: JobSandbox) -> None:
    data = archive(sandbox.root / "my.zip", {"hooks/environment": HOOK}).read_bytes()
    with served(data, (500,)) as (host, seen):
        ended = run(sandbox, f"zip+http://us%40er:pass@{host}/my.zip")
    assert ended.status == 0, ended.lines
    assert seen == ["Basic " + base64.b64encode(b"us@er:pass").decode()] * 2


def test_what_is_not_there_is_tried_three_times(sandbox: JobSandbox) -> None:
    with served(b"", (404,) * 9) as (host, seen):
        text = problem(run(sandbox, f"zip+http://{host}/my.zip"))
    assert "HTTP request failed with status 404" in text and len(seen) == 3


LINK = stat.S_IFLNK | 0o777


@pytest.mark.parametrize(
    ("files", "modes", "said"),
    [
        ({"../../../escaped": "x"}, {}, "possible traversal"),
        ({"hooks/..\\..\\..\\escaped": "x"}, {}, "possible traversal"),
        ({"hooks/environment": "/etc"}, {"hooks/environment": LINK}, "symlinks are not supported"),
        ({"nothing": "x"}, {}, '"hooks" was not a directory within'),
    ],
)
def test_what_could_do_harm_is_refused(
    sandbox: JobSandbox, files: Dict[str, str], modes: Dict[str, int], said: str
) -> None:
    check_refusal(sandbox, files, modes, said)


def test_what_is_too_large_is_refused(sandbox: JobSandbox) -> None:
    check_refusal(sandbox, {"hooks/big": "\0" * (101 * 1024 * 1024)}, {}, "zip archive too large (max 100 MB)")


def check_refusal(sandbox: JobSandbox, files: Dict[str, str], modes: Dict[str, int], said: str) -> None:
    path = archive(sandbox.root / "my.zip", files, modes)
    assert said in problem(run(sandbox, f"zip+file://{path}"))
    assert not list(sandbox.root.parent.glob("**/escaped"))
    assert not list((sandbox.root / "plugins").glob("zip-plugin-*"))


def test_names_from_the_root_stay_inside(sandbox: JobSandbox) -> None:
    path = archive(sandbox.root / "my.zip", {"/hooks/environment": HOOK, "a/../hooks/x": "y"})
    assert run(sandbox, f"zip+file://{path}").status == 0


def test_an_entry_that_lies_about_its_size_is_refused(sandbox: JobSandbox) -> None:
    path = archive(sandbox.root / "my.zip", {"hooks/big": "\0" * 1000})
    data = path.read_bytes()
    size = (1000).to_bytes(4, "little")
    assert data.count(size) >= 2
    path.write_bytes(data.replace(size, (10).to_bytes(4, "little")))
    assert "failed to extract zip plugin" in problem(run(sandbox, f"zip+file://{path}"))


def test_what_is_no_archive_is_said_so(sandbox: JobSandbox) -> None:
    (sandbox.root / "my.zip").write_text("nothing of that kind", encoding="ascii")
    text = problem(run(sandbox, f"zip+file://{sandbox.root}/my.zip"))
    assert "failed to extract zip plugin: File is not a zip file" in text


@pytest.mark.parametrize(
    ("method", "said"), [(zipfile.ZIP_DEFLATED, "invalid"), (zipfile.ZIP_LZMA, "unsupported compression algorithm")]
)
def test_what_cannot_be_inflated_is_said_so(sandbox: JobSandbox, method: int, said: str) -> None:
    path = sandbox.root / "my.zip"
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr("hooks/environment", HOOK * 20)
    data = bytearray(path.read_bytes())
    at = 30 + len("hooks/environment")  # behind the head of the entry
    data[at : at + 20] = b"\xff" * 20
    path.write_bytes(data)
    ended = run(sandbox, f"zip+file://{path}")
    text = problem(ended)
    assert "failed to extract zip plugin: " in text and said in text


@pytest.mark.parametrize("name", ["/dev/zero", "pipe.zip"])
def test_what_is_no_file_is_not_copied(sandbox: JobSandbox, name: str) -> None:
    os.mkfifo(sandbox.root / "pipe.zip")
    assert f"{name} is not a regular file" in problem(run(sandbox, f"zip+file://{sandbox.root / name}"))


def test_a_file_that_is_too_large_is_not_copied(sandbox: JobSandbox) -> None:
    with (sandbox.root / "my.zip").open("wb") as large:
        large.truncate(101 * 1024 * 1024)  # takes no room itself
    text = problem(run(sandbox, f"zip+file://{sandbox.root}/my.zip"))
    assert "failed to download zip plugin: zip archive too large (max 100 MB)" in text


def test_an_archive_of_too_many_files_is_not_unpacked(sandbox: JobSandbox) -> None:
    path = sandbox.root / "my.zip"
    with zipfile.ZipFile(path, "w") as made:
        for number in range(20):
            made.writestr(zipfile.ZipInfo("a/" * 30_000 + str(number)), "")
    assert "the archive has too many files or folders" in problem(run(sandbox, f"zip+file://{path}"))


@pytest.mark.parametrize(("third", "said"), [("b", ""), ("a/b", "File exists"), ("hooks", "Is a directory")])
def test_of_two_entries_of_one_name_the_last_counts(sandbox: JobSandbox, third: str, said: str) -> None:
    path = sandbox.root / "my.zip"
    with zipfile.ZipFile(path, "w") as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that is what is meant
        for text in ("exit 1\n", HOOK):
            made.writestr("hooks/environment", text)
        made.writestr("a", "a file")
        made.writestr(third, "another")
    ended = run(sandbox, f"zip+file://{path}")
    assert said in problem(ended) if said else ended.status == 0
