"""What each kind of option takes from a flag, a variable and the file, and what it says about the rest."""

from typing import Dict, List, Optional, Tuple

import pytest

from bkagent.config import kinds
from bkagent.config.kinds import ValueKind
from bkagent.config.option import Option
from bkagent.config.settings import Settings, Source, resolve
from bkagent.errors import ConfigError, MissingValue, UsageError

PLACE = "/etc/agent.cfg, line 3"
WHOLE, DURATION = "a whole number", "a duration such as 90s or 5m"
CHOICE = kinds.Choice("", "red", "blue")


def read(
    kind: ValueKind, source: str, text: str, default: object = "", secret: bool = False
) -> Tuple[object, str, List[str]]:
    """Return (value, origin, warnings) of an option that gets `text` from one source."""
    option = Option("thing", kind, default, env=("THING",), secret=secret)
    flags = {"thing": [text]} if source == "flag" else {}
    environ = {"THING": text} if source == "variable" else {}
    file = {"thing": (text, PLACE)} if source == "file" else None
    warnings: List[str] = []
    settings = resolve([option], Source(flags, environ, file), warnings.append)
    return settings[option], settings.origin(option), warnings


ORIGINS = {
    "flag": "flag --thing", "variable": "environment variable THING", "file": "configuration file " + PLACE,
}  # fmt: skip

LEGAL: "List[Tuple[ValueKind, str, Dict[str, object]]]" = [
    (kinds.TEXT, "", {"flag": "", "variable": "", "file": ""}),
    (kinds.TEXT, " a b ", {"flag": " a b ", "variable": " a b ", "file": " a b "}),
    (kinds.FLAG, "", {"variable": False, "file": False}),
    *[(kinds.FLAG, text, dict.fromkeys(ORIGINS, True)) for text in ("1", "t", "T", "TRUE", "true", "True")],
    *[(kinds.FLAG, text, dict.fromkeys(ORIGINS, False)) for text in ("0", "f", "F", "FALSE", "false", "False")],
    (kinds.WHOLE, "12", dict.fromkeys(ORIGINS, 12)),
    (kinds.WHOLE, "-12", dict.fromkeys(ORIGINS, -12)),
    (kinds.WHOLE, "+12", dict.fromkeys(ORIGINS, 12)),
    (kinds.WHOLE, "0x1F", {"flag": 31, "variable": 31}),
    (kinds.WHOLE, "-0x1f", {"flag": -31, "variable": -31}),
    (kinds.WHOLE, "0o17", {"flag": 15, "variable": 15}),
    (kinds.WHOLE, "0b101", {"flag": 5, "variable": 5}),
    (kinds.WHOLE, "010", {"flag": 8, "variable": 8, "file": 10}),
    (kinds.WHOLE, "1_0", {"flag": 10, "variable": 10}),
    (kinds.WHOLE, "9223372036854775807", dict.fromkeys(ORIGINS, 2**63 - 1)),
    (kinds.DURATION, "90s", dict.fromkeys(ORIGINS, 90.0)),
    (kinds.DURATION, "1h30m", dict.fromkeys(ORIGINS, 5400.0)),
    (kinds.DURATION, "1.5s", dict.fromkeys(ORIGINS, 1.5)),
    (kinds.DURATION, "0", dict.fromkeys(ORIGINS, 0.0)),
    (kinds.DURATION, "-2m", dict.fromkeys(ORIGINS, -120.0)),
    (kinds.DURATION, "100ms", dict.fromkeys(ORIGINS, 0.1)),
    (kinds.CHECKED_DURATION, "", {"file": 0.0}),
    (kinds.LIST, "a, b,,c", {"flag": ["a", "b", "c"], "variable": ["a", "b", "c"], "file": ["a", "b", "c"]}),
    (kinds.LIST, "", dict.fromkeys(ORIGINS, [])),
    (kinds.ITEMS, "a, b", {"flag": ["a, b"], "variable": ["a", "b"], "file": ["a", " b"]}),
    (kinds.ITEMS, "", dict.fromkeys(ORIGINS, [""])),
    (CHOICE, "red", dict.fromkeys(ORIGINS, "red")),
    (CHOICE, "", dict.fromkeys(ORIGINS, "")),
]

# Kind, text, words for what is legal (flag and variable; file), what the file's text counts as (None: an error).
ILLEGAL: "List[Tuple[ValueKind, str, str, str, Optional[str]]]" = [
    *[(kinds.FLAG, text, "true or false", "true or false", "false") for text in ("maybe", "yes", "TrUe", " 1", "2")],
    *[(kinds.WHOLE, text, WHOLE, "a whole number in decimal digits", "0")
      for text in ("x", "", "1.5", "--1", "+", "0x", "1e3", " 1", "\u0661", "1 0")],
    (kinds.WHOLE, "9223372036854775808", "64 bits", "64 bits", "0"),
    *[(kinds.DURATION, text, DURATION, DURATION, "0")
      for text in ("x", "", "5", "5 s", "s", "1.2.3s", "5d", "-", "1h5")],
    (kinds.DURATION, "9999999h", "less than 292 years", "less than 292 years", "0"),
    *[(kinds.CHECKED_DURATION, text, DURATION, DURATION, None) for text in ("x", "5", "5d")],
    *[(CHOICE, text, 'one of "", red, blue', 'one of "", red, blue', None) for text in ("green", "Red", " red")],
]  # fmt: skip


@pytest.mark.parametrize("kind, text, values", LEGAL)
def test_legal_values(kind: ValueKind, text: str, values: "Dict[str, object]") -> None:
    for source, value in values.items():
        assert read(kind, source, text) == (value, ORIGINS[source], []), source


@pytest.mark.parametrize("kind, text, legal, legal_in_file, counts_as", ILLEGAL)
def test_illegal_values_name_source_and_legal_form(
    kind: ValueKind, text: str, legal: str, legal_in_file: str, counts_as: "Optional[str]"
) -> None:
    for source in ("flag", "variable"):
        if kind is kinds.FLAG and source == "variable" and not text:
            continue
        with pytest.raises(UsageError if kind.has_syntax else ConfigError) as caught:
            read(kind, source, text)
        sentence = str(caught.value)
        assert sentence.startswith("thing must be ") and legal in sentence
        assert sentence.endswith(f'not "{text}" ({ORIGINS[source]})')
        assert caught.value.exit_code == 1
    if counts_as is None:
        with pytest.raises(ConfigError) as refused:
            read(kind, "file", text)
        assert legal_in_file in str(refused.value)
        assert str(refused.value).endswith(f'not "{text}" ({ORIGINS["file"]})')
    elif text or kind is not kinds.FLAG:
        value, _, warnings = read(kind, "file", text)
        assert not value
        assert len(warnings) == 1 and legal_in_file in warnings[0]
        assert warnings[0].endswith(f'not "{text}" ({ORIGINS["file"]}); using {counts_as}')


def test_a_secret_is_not_repeated() -> None:
    for source in ORIGINS:
        with pytest.raises((UsageError, ConfigError)) as caught:
            read(CHOICE, source, "hunter2", secret=True)
        assert str(caught.value) == f'thing must be one of "", red, blue ({ORIGINS[source]})'


def _thing(flags: "List[str]", environ: "Dict[str, str]", file: "Optional[str]") -> "Tuple[object, str]":
    option = Option("thing", kinds.LIST, ("d",), env=("THING", "OLD_THING"))
    source = Source({"thing": flags} if flags else {}, environ, None if file is None else {"thing": (file, PLACE)})
    settings = resolve([option], source, pytest.fail)
    return settings[option], settings.origin(option)


def test_the_strongest_source_wins_whole() -> None:
    everything = {"THING": "v,w", "OLD_THING": "o"}
    assert _thing(["a", "b,c"], everything, "f") == (["a", "b", "c"], "flag --thing")
    assert _thing([], everything, "f") == (["v", "w"], "environment variable THING")
    assert _thing([], {"OLD_THING": "o"}, "f") == (["o"], "environment variable OLD_THING")
    assert _thing([], {}, "f,g") == (["f", "g"], "configuration file " + PLACE)
    assert _thing([], {}, None) == (["d"], "default")


def test_an_empty_variable_hides_the_file_and_the_default() -> None:
    assert _thing([], {"THING": "", "OLD_THING": "o"}, "f") == ([], "environment variable THING")
    value, _, _ = read(kinds.FLAG, "variable", "", default=True)
    assert value is False


def test_the_last_of_repeated_flags_counts() -> None:
    option = Option("thing", kinds.TEXT, "")
    assert resolve([option], Source({"thing": ["a", "b"]}, {}), pytest.fail)[option] == "b"


def test_what_must_be_there_may_not_be_empty() -> None:
    option = Option("thing", kinds.TEXT, "", env=("THING",), required="thing")
    for source in (Source({}, {}), Source({}, {"THING": ""}), Source({"thing": [""]}, {"THING": "x"})):
        with pytest.raises(MissingValue, match="^thing$"):
            resolve([option], source, pytest.fail)


NEW = Option("new", kinds.LIST, (), env=("NEW",))
OLD = Option("old", kinds.LIST, (), env=("OLD",), replaced_by="new")
TIMEOUT = Option("disconnect-after-idle-timeout", kinds.WHOLE, 0)
OLD_TIMEOUT = Option("disconnect-after-job-timeout", kinds.WHOLE, 0, replaced_by="disconnect-after-idle-timeout")


def _resolved(flags: "Dict[str, List[str]]", environ: "Dict[str, str]") -> "Tuple[Settings, List[str]]":
    warnings: List[str] = []
    return resolve([NEW, OLD, TIMEOUT, OLD_TIMEOUT], Source(flags, environ), warnings.append), warnings


def test_an_old_name_works_and_warns() -> None:
    settings, warnings = _resolved({"old": ["a"]}, {})
    assert settings[NEW] == ["a"] and settings.origin(NEW) == "flag --old"
    assert warnings == ["--old (flag --old) was renamed to --new; please use the new name"]


def test_old_and_new_name_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="set only --new, not both"):
        _resolved({"old": ["a"]}, {"NEW": "b"})
    settings, warnings = _resolved({"old": ["a"]}, {"NEW": ""})
    assert settings[NEW] == ["a"] and warnings


def test_an_empty_old_name_changes_nothing() -> None:
    settings, warnings = _resolved({}, {"OLD": "", "NEW": "b"})
    assert settings[NEW] == ["b"] and not warnings


def test_one_old_name_wins_over_the_new_one() -> None:
    settings, _ = _resolved({OLD_TIMEOUT.name: ["5"], TIMEOUT.name: ["6"]}, {})
    assert settings[TIMEOUT] == 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (336 * 3600.0, "336h"), (5400.0, "90m"), (61.0, "61s"), (0.25, "0.25s"), (1e-9, "0.000000001s")],
)
def test_a_duration_is_shown_as_it_can_be_read(seconds: float, text: str) -> None:
    assert kinds.duration_text(seconds) == text
    assert kinds.DURATION.from_flag(text) == pytest.approx(seconds)
