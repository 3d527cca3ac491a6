"""Lines of the configuration file, and names of signals, as they were recorded of the reference."""

import pytest

from bkagent.config.sources import file
from bkagent.errors import ConfigError
from bkagent.system import signals
from tests.fakes import vectors


@pytest.mark.parametrize("case", vectors.of("config-lines"))
def test_lines(case, tmp_path):
    path = tmp_path / "agent.cfg"
    path.write_text(case["line"] + "\n", encoding="utf-8")
    found = [(key, value) for _number, key, value in file.lines(str(path))]
    if case.get("ignored"):
        assert found == []
    elif "error" in case:
        assert [key for key, _value in found] == [None]
    else:
        assert found == [(case["key"], case["value"])]


@pytest.mark.parametrize("case", vectors.of("edges", "config"))
def test_whole_files(case, tmp_path):
    path = tmp_path / "agent.cfg"
    path.write_bytes(case["text"].encode())
    if "error" in case:
        with pytest.raises(ConfigError, match='expected "key=value"'):
            file.read(str(path))
    else:
        assert {key: value for key, (value, _place) in file.read(str(path)).items()} == case["settings"]


@pytest.mark.parametrize("case", vectors.of("signals"))
def test_signals(case):
    if "error" in case:
        with pytest.raises(ValueError, match="signal"):
            signals.number(case["input"])
    else:
        assert signals.number(case["input"]) == case["number"]
