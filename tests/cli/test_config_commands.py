"""`config check` and `config show`, and how `start` finds and reads its file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

from tests.cli.conftest import Run
from tests.conftest import TOP


def test_check_lists_every_problem_and_fails(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("spawn=x\nodd=1\ntoken=hunter2\n")
    done = run("config", "check", "a.cfg")
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.splitlines() == [
        'a.cfg:1: spawn must be a whole number in decimal digits, not "x"',
        'a.cfg:2: unknown setting "odd" is ignored',
    ]


def test_check_of_a_good_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("spawn=2\n# why\ntoken=hunter2\n")
    done = run("config", "check", "a.cfg")
    assert (done.returncode, done.stdout) == (0, "a.cfg: 2 settings, no problems\n")


def test_check_without_a_name_takes_the_file_that_start_would_read(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".buildkite-agent"
    folder.mkdir(parents=True)
    (folder / "buildkite-agent.cfg").write_text("spawn=2\n")
    done = run("config", "check")
    assert done.stdout == f"{folder / 'buildkite-agent.cfg'}: 1 settings, no problems\n"
    (folder / "bkagent.cfg").write_text("nothing\n")
    done = run("config", "check")
    assert done.returncode == 1 and done.stdout.startswith(f"{folder / 'bkagent.cfg'}:1: ")


def test_check_of_a_file_that_is_not_there(run: Run) -> None:
    done = run("config", "check", "none.cfg")
    assert done.returncode == 1 and "cannot read the configuration file" in done.stderr


def _shown(run: Run, *words: str, env: "Dict[str, str]") -> "Dict[str, Dict[str, object]]":
    done = run("config", "show", "--json", *words, env=env)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert isinstance(shown, dict)
    return shown


def test_show_says_where_each_value_comes_from(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text('# mine\nname="from file"\ntags=a,b\ntoken=hunter2\nspawn=3\n')
    place = tmp_path / "a.cfg"
    variables = {"BUILDKITE_AGENT_SPAWN": "4", "BUILDKITE_BUILD_PATH": "/b"}
    shown = _shown(run, "--config", "a.cfg", "--queue", "q", env=variables)
    assert shown["queue"] == {"value": "q", "origin": "flag --queue"}
    assert shown["spawn"] == {"value": 4, "origin": "environment variable BUILDKITE_AGENT_SPAWN"}
    assert shown["name"] == {"value": "from file", "origin": f"configuration file {place}, line 2"}
    assert shown["tags"] == {"value": ["a", "b"], "origin": f"configuration file {place}, line 3"}
    assert shown["token"] == {"value": "[REDACTED]", "origin": f"configuration file {place}, line 4"}
    assert shown["no-pty"] == {"value": False, "origin": "default"}


def test_show_as_text_is_a_file_that_says_the_same(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text('name="x # y"\ntags="a\\nb"\ntoken=hunter2\nspawn=3\n')
    text = run("config", "show", "--config", "a.cfg").stdout
    assert "hunter2" not in text
    (tmp_path / "b.cfg").write_text(text)
    again = run("config", "show", "--config", "b.cfg")
    assert again.returncode == 0 and again.stderr == ""
    first = _shown(run, "--config", "a.cfg", env={})
    second = _shown(run, "--config", "b.cfg", env={})
    for name in first:
        if name not in ("config", "token"):
            assert first[name]["value"] == second[name]["value"], name


def test_no_source_shows_a_token(run: Run) -> None:
    for words, env in ((["--token", "hunter2"], {}), ([], {"BUILDKITE_AGENT_TOKEN": "hunter2"})):
        for form in ([], ["--json"]):
            done = run("config", "show", *form, *words, env=env)
            assert done.returncode == 0 and "[REDACTED]" in done.stdout
            assert "hunter2" not in done.stdout + done.stderr


def test_show_in_json_is_not_mixed_with_messages(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("log-format=json\nodd=1\nspawn=x\n")
    shown = _shown(run, "--config", "a.cfg", env={})
    assert shown["log-format"]["value"] == "json"
    assert shown["spawn"]["value"] == 0


@pytest.mark.parametrize(
    "words, env, said",
    [
        (["--config", "none.cfg"], {}, 'config must be a file that exists, not "none.cfg" (flag --config)'),
        ([], {"BUILDKITE_AGENT_CONFIG": "none.cfg"},
         'config must be a file that exists, not "none.cfg" (environment variable BUILDKITE_AGENT_CONFIG)'),
        (["--config", "bad.cfg"], {}, 'bad.cfg, line 2: expected "key=value", found "nothing"'),
    ],
)  # fmt: skip
def test_a_file_that_was_asked_for_must_be_right(
    words: "list[str]", env: "Dict[str, str]", said: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "bad.cfg").write_text("spawn=1\nnothing\n")
    for command in (["start"], ["config", "show"]):
        done = run(*command, *words, env=env)
        assert done.returncode == 1 and said in done.stderr


def test_start_says_what_it_makes_of_bad_numbers_and_does_not_start_with_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("build-path=b\ntoken=t\nspawn=many\nendpoint=http://127.0.0.1:9/v3\n")
    done = run("start", "--config", "a.cfg")
    assert done.returncode == 1
    assert f'not "many" (configuration file {tmp_path / "a.cfg"}, line 3); using 0' in done.stderr
    assert "fatal: spawn must be at least 1" in done.stderr


def test_a_folder_as_file_is_said_even_where_a_value_is_missing(run: Run, tmp_path: Path) -> None:
    done = run("start", "--config", str(tmp_path))
    assert done.returncode == 1
    assert f"the configuration file {tmp_path} is a folder; nothing was read from it" in done.stderr
    assert "Missing " in done.stderr


def test_a_path_of_the_file_is_expanded(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("name=found\n")
    shown = _shown(run, "--config", "$PLACE/a.cfg", env={"PLACE": str(tmp_path)})
    assert shown["name"]["value"] == "found"


def test_bytes_that_are_no_text_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_bytes(b"name=\xff\n")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": TOP, "PYTHONIOENCODING": "utf-8:strict"}
    argv = [sys.executable, "-m", "bkagent", "config", "show", "--config", "a.cfg"]
    done = subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"name=\xff " in done.stdout


def test_the_archive_finds_the_file_beside_itself(archive: str, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "bkagent"
    program.parent.mkdir()
    shutil.copy(archive, program)
    (program.parent / "buildkite-agent.cfg").write_text("name=beside\n")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for _ in range(2):  # the first run unpacks the code, the second finds it unpacked
        done = subprocess.run([str(program), "config", "show"], env=environ, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        assert f"# configuration file {program.parent / 'buildkite-agent.cfg'}, line 1" in done.stdout
