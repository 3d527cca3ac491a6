"""Whole documents: what they are read as, and the place and the words of what is wrong in them.

`tests/data/yaml/valid/NAME.yaml` has its documents in NAME.json, dates as {"timestamp": ...} and floats as
{"float": repr}; `invalid/NAME.yaml` has its message in NAME.txt.
"""

import glob
import json
import os

import pytest

from bkagent.yaml.errors import YamlError
from bkagent.yaml.load import documents, load, load_all
from bkagent.yaml.timestamp import Timestamp

DATA = os.path.join(os.path.dirname(__file__), "..", "data", "yaml")


def names(folder):
    found = sorted(os.path.basename(path)[: -len(".yaml")] for path in glob.glob(os.path.join(DATA, folder, "*.yaml")))
    assert len(found) > 20
    return found


def read(*parts):
    with open(os.path.join(DATA, *parts), "rb") as file:
        return file.read()


def shown(value):
    """Return a value as the tables write it."""
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value)
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, Timestamp):
        return {"timestamp": value.rfc3339}
    return {"float": repr(value)} if isinstance(value, float) else value


@pytest.mark.parametrize("name", names("valid"))
def test_documents_are_read_as_the_table_says(name):
    expected = json.loads(read("valid", name + ".json"))
    # Compared as text, so that the order of keys, and 1 against true, count.
    assert json.dumps(shown(load_all(read("valid", name + ".yaml")))) == json.dumps(expected)


@pytest.mark.parametrize("name", names("invalid"))
def test_what_is_wrong_is_said_with_its_place(name):
    message = read("invalid", name + ".txt").decode().strip()
    with pytest.raises(YamlError) as wrong:
        load_all(read("invalid", name + ".yaml"))
    assert str(wrong.value) == message
    assert message == f"line {wrong.value.line}, column {wrong.value.column}: {wrong.value.expected}"
    assert wrong.value.expected.startswith("expected ")


def test_line_ends_of_windows_and_old_macs_change_nothing():
    text = read("valid", "pipeline.yaml").decode()
    assert load(text.replace("\n", "\r\n")) == load(text) == load(text.replace("\n", "\r"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_bytes_are_decoded_by_their_mark(encoding):
    assert load("a: é☃🔑\n".encode(encoding)) == {"a": "é☃🔑"}


def test_bytes_that_are_no_text_are_named_by_their_place():
    with pytest.raises(YamlError, match=r"^line 2, column 4: expected text in UTF-8"):
        load(b"a: b\n\xc3\xa9: \xff\n")


def test_the_source_stands_in_front_of_a_message():
    with pytest.raises(YamlError, match=r"^deploy\.yml, line 1, column 4: expected "):
        load("a: @", "deploy.yml")


def test_one_document_is_asked_for_and_one_is_given():
    assert load("") is None
    with pytest.raises(YamlError, match="expected one document, found 2"):
        load("a\n---\nb\n")


def test_documents_come_before_the_mistake_behind_them():
    found = documents("a: 1\n---\nb: 2\n---\nc: [\n")
    assert [next(found), next(found)] == [{"a": 1}, {"b": 2}]
    with pytest.raises(YamlError, match="^line 5, column 4"):
        next(found)
