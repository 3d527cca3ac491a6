"""Bad input from the archive's command line: one clear line each, the right exit status, never a traceback."""

import os
import socket
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.whole.running import Done, Repository, Running, bkagent
from tests.whole.site import Site


@pytest.fixture
def local_run(archive: str, tmp_path: Path) -> Callable[..., Done]:
    """Return a function that gives `local run` a pipeline's text (None for no file) and flags."""

    def run(pipeline: Any, *words: str) -> Done:
        work = tmp_path / "work"
        if not work.exists():
            Repository(work)
        if pipeline is not None:
            (work / "p.yml").write_text(pipeline)
            words = (*words, "p.yml")
        return bkagent(archive, "local", "run", *words, cwd=work)

    return run


def only_line(done: Done, status: int = 1) -> str:
    """Check that there is one line of complaint and nothing else; return it."""
    assert done.status == status and done.out == "" and "Traceback" not in done.err, done.text
    (line,) = done.err.splitlines()
    assert "internal error" not in line
    return line


@pytest.mark.parametrize(
    ("pipeline", "parts"),
    [
        (None, ("no pipeline file", ".buildkite/pipeline.yml")),
        ("", ("p.yml", "the document is empty")),
        ("hello\n", ("p.yml", "mapping")),
        ("steps: []\n", ("p.yml", "no steps")),
        ("steps:\n  - command: [a\n", ("p.yml", "line 2, column 14", "expected")),
        ("steps:\n\t- command: a\n", ("p.yml", "line 2, column 1", "tab")),
        ("steps:\n  - command: *nowhere\n", ("p.yml", "line 2, column 14", "nowhere")),
        ("steps:\n  - command: 'open\n", ("p.yml", "line 2, column 14")),
        ("steps:\n  - label: nothing to do\n", ("p.yml", "step 1", "missing command")),
        ("steps:\n  - command: ''\n", ("p.yml", "step 1", "command")),
        ("steps:\n  - {key: a, command: x, depends_on: b}\n  - {key: b, command: x, depends_on: a}\n",
         ("p.yml", '"a" -> "b" -> "a"')),
        ("steps:\n  - {key: a, command: x, depends_on: a}\n", ("p.yml", '"a" -> "a"')),
        ("steps:\n  - {key: a, command: x}\n  - {command: x, depends_on: aa}\n", ("p.yml", "step 2", '"aa"', "a")),
        ("steps:\n  - {key: a, command: x}\n  - {key: a, command: x}\n", ("p.yml", "step 2", '"a"')),
        ("steps:\n  - block: Release?\n", ("p.yml", "block steps", "local run")),
        ("steps:\n  - input: Name?\n", ("p.yml", "input steps", "local run")),
        ("steps:\n  - trigger: other\n", ("p.yml", "trigger steps")),
        ("steps:\n  - {command: x, secrets: [A]}\n", ("p.yml", "secrets")),
        ("steps:\n  - {command: x, parallelism: many}\n", ("p.yml", "step 1", "parallelism", '"many"')),
        ("steps:\n  - {command: x, if: build.branch ==}\n", ("p.yml", "step 1", "column 16")),
        ("steps:\n  - {command: x, if: build.brunch == 'a'}\n", ("p.yml", "step 1", "build.brunch")),
        ("steps:\n  - command: ${NOWHERE?say where}\n", ("p.yml", "NOWHERE", "say where")),
    ],
)  # fmt: skip
def test_pipelines_that_cannot_be_run(local_run: Callable[..., Done], pipeline: Any, parts: Any) -> None:
    line = only_line(local_run(pipeline))
    for part in parts:
        assert part in line, line


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--agents", "x"), ("--agents", '"x"', "whole number")),
        (("--agents", "-2"), ("agents must be 1 or more", "not -2 (flag --agents)")),
        (("--env", "novalue"), ("env must be NAME=VALUE", 'not "novalue" (flag --env)')),
        (("--step", "nope"), ("--step nope", "one")),
        (("--data", "/proc/nowhere"), ("data folder", "/proc/nowhere")),
        (("--data", "file/below"), ("data folder", "file/below")),
        (("absent.yml",), ("absent.yml", "No such file")),
    ],
)
def test_flags_of_local_run(archive: str, tmp_path: Path, words: Any, parts: Any) -> None:
    work = Repository(tmp_path / "work", "steps: [{key: one, command: 'true'}]", files={"file": ""})
    done = bkagent(archive, "local", "run", *words, cwd=work.folder)
    line = done.err.splitlines()[-1]
    assert done.status == 1 and len(done.err.splitlines()) == 1 and "Traceback" not in done.text, done.text
    for part in parts:
        assert part in line, line
    assert "Build 1" not in done.out


def test_outside_a_repository(archive: str, tmp_path: Path) -> None:
    assert "no git repository" in only_line(bkagent(archive, "local", "run", cwd=tmp_path))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("frobnicate",), "frobnicate"),
        (("stat",), '"start"'),
        (("local", "rum"), '"run"'),
        (("meta-data", "gett"), '"get"'),
        (("start", "--tokn", "x"), "--token"),
        (("local", "run", "--comitted"), "--committed"),
        (("server", "--data"), "--data"),
        (("start", "--config", "/nowhere.cfg"), "/nowhere.cfg"),
        (("meta-data", "get", "a"), "Missing agent-access-token"),
    ],
)
def test_words_that_are_no_command_line(archive: str, tmp_path: Path, words: Any, part: str) -> None:
    done = bkagent(archive, *words, cwd=tmp_path)
    assert done.status == 1 and part in done.err, done.text
    assert len(done.err.splitlines()) <= 2 and "Traceback" not in done.text and "internal error" not in done.text


def start_words(url: str, folder: Path) -> "list[str]":
    return ["start", "--endpoint", url, "--build-path", str(folder / "b"), "--no-color"]


def test_a_configuration_with_unknown_keys_and_bad_values(archive: str, tmp_path: Path) -> None:
    config = tmp_path / "agent.cfg"
    config.write_text('token="x"\nfirst-unknown=1\nsecond-unknown="2"\nspawn=several\n')
    done = bkagent(archive, *start_words("http://127.0.0.1:1", tmp_path), "--config", str(config), cwd=tmp_path)
    assert done.status == 1 and "Traceback" not in done.text
    for key in ("first-unknown", "second-unknown"):
        assert sum(key in line for line in done.err.splitlines()) == 1, done.text
    (line,) = [line for line in done.err.splitlines() if "several" in line]
    assert "spawn must be a whole number" in line and "agent.cfg, line 4" in line
    assert "fatal: spawn" in done.err.splitlines()[-1]
    config.write_text("no equals sign here\n")
    done = bkagent(archive, *start_words("http://127.0.0.1:1", tmp_path), "--config", str(config), cwd=tmp_path)
    assert done.status == 1 and "agent.cfg" in done.err.splitlines()[-1], done.text


def test_a_wrong_token(archive: str, tmp_path: Path) -> None:
    with Site(archive, tmp_path) as site:
        done = bkagent(archive, *start_words(site.url + "/v3", tmp_path), "--token", "wrong-one", cwd=tmp_path)
    assert done.status == 1 and "Traceback" not in done.text and "wrong-one" not in done.text
    complaints = [line for line in done.text.splitlines() if "fatal" in line.lower() or "error" in line.lower()]
    assert len(complaints) == 1 and "401" in complaints[0] and "token" in complaints[0].lower(), done.text


def test_no_token(archive: str, tmp_path: Path) -> None:
    assert "token" in only_line(bkagent(archive, *start_words("http://127.0.0.1:1", tmp_path), cwd=tmp_path))


def test_a_port_in_use(archive: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = bkagent(archive, "server", "--data", "data", "--listen", address, cwd=tmp_path)
    assert "cannot listen on" in only_line(done)


@pytest.mark.parametrize("folder", ["file/data", "file", "/proc/data"])
def test_a_data_folder_that_cannot_be_had(archive: str, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    done = bkagent(archive, "server", "--data", folder, "--listen", "127.0.0.1:0", cwd=tmp_path)
    assert folder in only_line(done)


def test_a_build_path_that_cannot_be_had(archive: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = ["start", "--endpoint", "http://127.0.0.1:1", "--token", "x", "--build-path", str(tmp_path / "file" / "b")]
    done = bkagent(archive, *words, cwd=tmp_path)
    assert done.status == 1 and "Traceback" not in done.text, done.text
    assert str(tmp_path / "file") in done.err.splitlines()[-1]


def test_a_repository_that_does_not_exist_fails_the_job(archive: str, tmp_path: Path) -> None:
    with Site(archive, tmp_path) as site:
        site.agent("--checkout-attempts", "1")
        site.create("steps: [{label: lost, command: echo never-$$((1+1))}]")
        assert site.ended()["state"] == "failed"
        log = site.log("lost")
        assert site.jobs()["lost"]["exit_status"] not in (0, None)
        assert "nowhere.git" in log and "does not" in log and "never-2" not in log and "Traceback" not in log, log


def test_no_home(packed_archive: str, tmp_path: Path) -> None:
    work = Repository(tmp_path / "work", "steps: [{label: in, command: 'buildkite-agent meta-data set a b'}]")
    words, said = [sys.executable, packed_archive, "local", "run"], tmp_path / "said"
    with Running(words, work.folder, said, env={"HOME": "", "TMPDIR": str(tmp_path)}) as running:
        assert running.wait() == 0, running.said
    nowhere = {"HOME": str(tmp_path / "said" / "home"), "TMPDIR": str(tmp_path)}
    with Running(words, work.folder, tmp_path / "more", env=nowhere) as running:
        assert running.wait() == 0 and "Traceback" not in running.said, running.said


def test_git_is_missing(archive: str, tmp_path: Path) -> None:
    work = Repository(tmp_path / "work", "steps: [{command: 'true'}]")
    (tmp_path / "bin").mkdir()
    os.symlink("/bin/sh", tmp_path / "bin" / "sh")
    done = bkagent(archive, "local", "run", cwd=work.folder, env={"PATH": str(tmp_path / "bin")})
    assert "git is not on PATH" in only_line(done)
