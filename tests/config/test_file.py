"""The configuration file: its odd cases, where it is looked for, and what is wrong with it."""

import os
from pathlib import Path
from typing import Dict, List

import pytest

from bkagent.config.kinds import FILE_PATH, FLAG, LIST, SECRET, TEXT, WHOLE
from bkagent.config.option import Option
from bkagent.config.sources import file, file_check
from bkagent.errors import ConfigError

ONE_LINE: "Dict[str, Dict[str, str]]" = {
    "key=value": {"key": "value"},
    "  key  =  value  ": {"key": "value"},
    "key: value": {"key": "value"},
    "key: a=b": {"key: a": "b"},
    "key=a:b": {"key": "a:b"},
    "key=a=b": {"key": "a=b"},
    "export key=value": {"key": "value"},
    "exported=value": {"ed": "value"},
    "key=": {"key": ""},
    "=value": {"": "value"},
    "": {},
    "# key=value": {},
    "   # key=value": {},
    "key=value # why": {"key": "value"},
    "key=value#why": {"key": "value"},
    'key="a # b"': {"key": "a # b"},
    "key='a # b' # why": {"key": "a # b"},
    'key="a # b': {"key": '"a # b'},
    "key='a\"#b": {"key": "'a\"#b"},
    'key="a"': {"key": "a"},
    "key='a'": {"key": "a"},
    'key="a"b"': {"key": '"a"b"'},
    'key="a\\nb"': {"key": "a\nb"},
    "key=a\\nb": {"key": "a\\nb"},
    "key='a=\"b\"'": {"key": 'a="b'},
    'key="C:\\\\new"': {"key": "C:\\\new"},
    "Key=value": {"Key": "value"},
    "key=a\x0cb\x85c\u2028d": {"key": "a\x0cb\x85c\u2028d"},
}


@pytest.mark.parametrize("line", ONE_LINE)
def test_one_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.cfg"
    path.write_text(line + "\n", encoding="utf-8")
    assert {key: text for key, (text, _) in file.read(str(path)).items()} == ONE_LINE[line]


def test_lines_are_counted_and_the_last_of_equal_keys_wins(tmp_path: Path) -> None:
    path = tmp_path / "agent.cfg"
    path.write_bytes(b"\xef\xbb\xbfa=1\r\n\r\n# why\r\na=2\r\nb=3")
    assert file.read(str(path)) == {"a": ("2", f"{path}, line 4"), "b": ("3", f"{path}, line 5")}


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    path = tmp_path / "agent.cfg"
    path.write_bytes(b"name=\xff\xfe")
    assert file.read(str(path))["name"][0].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_a_line_that_is_no_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "agent.cfg"
    path.write_text("a=1\n\nnothing\n")
    with pytest.raises(ConfigError, match='agent.cfg, line 3: expected "key=value", found "nothing"'):
        file.read(str(path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration file"):
        file.read(str(tmp_path / "none.cfg"))


def test_our_own_file_goes_before_that_of_the_reference(tmp_path: Path) -> None:
    beside, home = tmp_path / "beside", tmp_path / "home"
    own = home / ".buildkite-agent"
    for folder in (beside, own):
        folder.mkdir(parents=True)
    environ = {"HOME": str(home)}
    assert file.usual_places(environ)[0] == str(own)

    def found() -> str:
        return file.search(environ, [str(beside)])

    (own / "buildkite-agent.cfg").touch()
    assert found() == str(own / "buildkite-agent.cfg")
    (beside / "buildkite-agent.cfg").touch()
    assert found() == str(beside / "buildkite-agent.cfg")
    (own / "bkagent.cfg").touch()
    assert found() == str(own / "bkagent.cfg")
    (beside / "bkagent.cfg").mkdir()
    assert found() == str(own / "bkagent.cfg"), "a folder is no file"
    (beside / "bkagent.cfg").rmdir()
    (beside / "bkagent.cfg").touch()
    assert found() == str(beside / "bkagent.cfg")


@pytest.mark.parametrize(
    "system, processor, places",
    [
        ("linux", "amd64", ["/h/.buildkite-agent", "/usr/local/etc/buildkite-agent", "/etc/buildkite-agent"]),
        ("darwin", "amd64", ["/h/.buildkite-agent", "/usr/local/etc/buildkite-agent", "/etc/buildkite-agent"]),
        (
            "darwin",
            "arm64",
            ["/h/.buildkite-agent", "/opt/homebrew/etc/buildkite-agent", "/usr/local/etc/buildkite-agent",
             "/etc/buildkite-agent"],
        ),
        (
            "windows",
            "amd64",
            ["C:\\buildkite-agent", "C:\\Users\\me\\AppData\\Local\\buildkite-agent",
             "C:\\Users\\me\\AppData\\Local\\BuildkiteAgent"],
        ),
    ],
)  # fmt: skip
def test_usual_places(system: str, processor: str, places: List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file.host, "goos", lambda: system)
    monkeypatch.setattr(file.host, "goarch", lambda: processor)
    environ = {"HOME": "/h", "USERPROFILE": "C:\\Users\\me"}
    found = file.usual_places(environ)
    assert (found if system == "windows" else [place.replace(os.sep, "/") for place in found]) == places


OPTIONS = (
    Option("token", SECRET, "", secret=True, required="token"), Option("spawn", WHOLE, 1),
    Option("no-pty", FLAG, False), Option("tags", LIST, ()), Option("meta-data", LIST, (), replaced_by="tags"),
    Option("build-path", FILE_PATH, ""),
    Option("name", TEXT, ""), Option("config", TEXT, "", in_file=False),
)  # fmt: skip

PROBLEMS = {
    "nothing": 'expected "key=value", found "nothing"',
    "spawn=x": 'spawn must be a whole number in decimal digits, not "x"',
    "no-pty=perhaps": 'no-pty must be true or false, not "perhaps"',
    "spwan=1": 'unknown setting "spwan" is ignored; did you mean "spawn"?',
    "BUILD_PATH=/b": 'unknown setting "BUILD_PATH" is ignored; did you mean "build-path"?',
    "meta-data=a": "meta-data was renamed to tags",
    "config=/x": "config has no effect in the configuration file",
    'build-path="C:\\new"': "build-path: \\n between quotes is a line break; remove the quotes to keep the backslash",
    'name="x': "name: an unmatched quote becomes part of the value",
    "token=": "token must not be empty",
}


@pytest.mark.parametrize("line", PROBLEMS)
def test_a_problem_is_found_on_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.cfg"
    path.write_text(f"# first\n{line}\n")
    _, problems = file_check.problems(str(path), OPTIONS)
    assert problems == [(2, PROBLEMS[line])]


def test_every_problem_is_found_in_order(tmp_path: Path) -> None:
    path = tmp_path / "agent.cfg"
    path.write_text("name=a\nspawn=x\nname=b\ntags=t\nmeta-data=m\nnothing\n")
    count, problems = file_check.problems(str(path), OPTIONS)
    assert count == 4
    assert problems == [
        (1, "name is set again in line 3, which takes precedence"),
        (2, 'spawn must be a whole number in decimal digits, not "x"'),
        (5, "meta-data and tags are the same; set only the latter"),
        (5, "meta-data was renamed to tags"),
        (6, 'expected "key=value", found "nothing"'),
    ]


def test_a_file_without_problems(tmp_path: Path) -> None:
    path = tmp_path / "agent.cfg"
    path.write_text('token="abc"\nspawn=2 # two\nno-pty=\n')
    assert file_check.problems(str(path), OPTIONS) == (3, [])
