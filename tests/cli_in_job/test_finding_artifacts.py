"""`artifact search` and `artifact shasum`."""

import pytest

from bkagent.artifacts import search_format
from bkagent.config.launching import self_command
from bkagent.wire.artifacts import Artifact
from tests.cli_in_job.conftest import BUILD_ID
from tests.fakes.terminal_output import lines_on_terminal

SEARCH = f"GET /v3/builds/{BUILD_ID}/artifacts/search"
FOUND = [
    {
        "id": "i1", "job_id": "j1", "path": "a/gr\u00fcn.txt", "file_size": 5, "sha1sum": "s1", "sha256sum": "s256",
        "url": "http://u", "created_at": "2020-01-01T01:02:03.5Z",
    },
    {"id": "i2", "job_id": "j2", "path": "c", "file_size": 7, "sha1sum": "s2"},
]  # fmt: skip


def test_search_lists_what_is_found(job_cli):
    job_cli.server.routes[SEARCH] = (200, FOUND)
    done = job_cli.run("artifact", "search", "*.txt")
    assert done.stdout == "j1 a/gr\u00fcn.txt 2020-01-01T01:02:03Z\nj2 c 0001-01-01T00:00:00Z\n".encode()
    assert job_cli.server.seen[-1].query == "include_duplicates=true&query=%2A.txt&state=finished"
    words = ["artifact", "search", "*", "--step", "s", "--include-retried-jobs", "--format", r"%i %s %S %T %u\t"]
    assert job_cli.run(*words).stdout == b"i1 5 s1 s256 http://u\ti2 7 s2  \t"
    query = "include_duplicates=true&include_retried_jobs=true&query=%2A&scope=s&state=finished"
    assert job_cli.server.seen[-1].query == query


def test_finding_nothing_fails_unless_that_is_allowed(job):
    job.server.routes[SEARCH] = (200, [])
    assert b'fatal: no artifact matches "x"' in job.run("artifact", "search", "x", expect=1).stderr
    done = job.run("artifact", "search", "x", "--allow-empty-results")
    assert done.stdout == b"" and b'No artifact matches "x"' in done.stderr
    assert b'fatal: no artifact matches "x"' in job.run("artifact", "shasum", "x", expect=1).stderr


def test_shasum_wants_exactly_one(job):
    job.server.routes[SEARCH] = (200, FOUND[:1])
    assert job.run("artifact", "shasum", "x").stdout == b"s1\n"
    assert job.run("artifact", "shasum", "x", "--sha256").stdout == b"s256\n"
    assert job.server.seen[-1].query == "query=x&state=finished"
    job.server.routes[SEARCH] = (200, FOUND[1:])
    assert b"c was uploaded without a SHA-256" in job.run("artifact", "shasum", "x", "--sha256", expect=1).stderr
    job.server.routes[SEARCH] = (200, FOUND)
    assert b'2 artifacts match "x"' in job.run("artifact", "shasum", "x", expect=1).stderr


@pytest.mark.parametrize("form", [r"\q", "a\nb", r"\'", "end\\", r"\x1", r"\ud800", r"\U00110000", r"\400"])
def test_a_format_that_means_nothing_is_refused_before_the_search(job, form):
    done = job.run("artifact", "search", "x", "--format", form, expect=1)
    assert b"is invalid" in done.stderr and not job.server.seen


@pytest.mark.parametrize(
    "form, printed",
    [
        (r"%p\n", b"p\n"), ('"%p"', b'"p"'), (r"%%p%x%", b"%p%x%"),
        (r"\x41\101\u00e9\U0001f600", "AA\u00e9\U0001f600".encode()),
        (r"\xff\\%i", b"\xff\\i"), (r"\a\b\f\n\r\t\v", b"\a\b\f\n\r\t\v"), ("", b""),
        (r"\x25p", b"p"),
    ],
)  # fmt: skip
def test_escapes_are_those_of_go(form, printed):
    assert search_format.line(search_format.unescape(form), Artifact("p", 1, id="i")) == printed


def test_a_list_for_programs_has_a_line_for_each_artifact(job_cli):
    odd = {"path": "tab\there\n\x1b[31m", "file_size": 1, "sha256sum": "not\ta sum"}
    job_cli.server.routes[SEARCH] = (200, [*reversed(FOUND), odd])
    done = job_cli.run("artifact", "list")
    assert done.stdout.decode().split("\n") == [
        "a/gr\u00fcn.txt\t5\ts256\t2020-01-01T01:02:03.5Z\tj1",
        "c\t7\t\t\tj2",
        "tab\\there\\n\\x1b[31m\t1\tnot\\ta sum\t\t",
        "",
    ]
    assert job_cli.server.seen[-1].query == "include_duplicates=true&query=%2A&state=finished"
    job_cli.run("artifact", "list", "*.txt", "--step", "s", "--include-retried-jobs")
    query = "include_duplicates=true&include_retried_jobs=true&query=%2A.txt&scope=s&state=finished"
    assert job_cli.server.seen[-1].query == query


def test_a_list_for_people_is_as_wide_as_the_terminal(job):
    path = "build/very/long/folders/before/\u4e00\u4e8c\u4e09.tar.gz"
    long = {
        "path": path, "file_size": 12_345_678,
        "sha256sum": "0123456789abcdef" * 4, "job_id": "0190-0190-0190", "created_at": "2020-01-01T01:02:03Z",
    }  # fmt: skip
    job.server.routes[SEARCH] = (200, [*FOUND, long])
    command = self_command.command(["artifact", "list"])
    wide, narrow = (lines_on_terminal(command, job.environ, columns) for columns in (150, 40))
    assert wide == [
        "PATH" + " " * 42 + "SIZE    SHA256        CREATED              JOB",
        "a/gr\u00fcn.txt" + " " * 36 + "5 B     s256          2020-01-01 01:02:03  j1",
        f"{path}  12 MiB  0123456789ab  2020-01-01 01:02:03  0190-0190-0190",
        "c" + " " * 45 + "7 B     -             -                    j2",
        "",
    ]
    assert narrow == [
        "PATH" + " " * 30 + "SIZE",
        "a/gr\u00fcn.txt" + " " * 24 + "5 B",
        "\u2026ng/folders/before/\u4e00\u4e8c\u4e09.tar.gz  12 MiB",
        "c" + " " * 33 + "7 B",
        "",
    ]


def test_one_long_path_leaves_room_for_the_other_columns(job):
    job.server.routes[SEARCH] = (200, [*FOUND, {"path": "n" * 300, "file_size": 1, "sha256sum": "0" * 64}])
    lines = lines_on_terminal(self_command.command(["artifact", "list"]), job.environ, 100)
    assert lines[0].split() == ["PATH", "SIZE", "SHA256", "CREATED", "JOB"]
    assert lines[3].startswith("\u2026nnn") and lines[3].split()[1:] == ["1", "B", "000000000000", "-", "-"]


def test_a_list_without_artifacts_fails_unless_that_is_allowed(job):
    job.server.routes[SEARCH] = (200, [])
    assert b'fatal: no artifact matches "*"' in job.run("artifact", "list", expect=1).stderr
    assert job.run("artifact", "list", "--allow-empty-results").stdout == b""
