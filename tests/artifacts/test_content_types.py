"""Content types by name, as recorded and as the system's tables add to them."""

import json
import os

import pytest

from bkagent.artifacts.content_types import DEFAULT, ContentTypes
from bkagent.artifacts.sizes import shown

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "content-types.json")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)["cases"]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_recorded_types(case):
    assert ContentTypes((), ()).of("name" + case["extension"]) == (case["type"] or DEFAULT)


def test_the_systems_tables_answer_for_the_rest(tmp_path):
    (tmp_path / "globs2").write_text(
        "# comment\n50:text/x-go:*.go\n40:text/second:*.go\n50:a/b:*.t?r\n50:application/x-y:*.Y\n"
    )
    (tmp_path / "mime.types").write_text("text/x-never x1\n")
    types = ContentTypes((str(tmp_path / "none"), str(tmp_path / "globs2")), (str(tmp_path / "mime.types"),))
    found = [types.of(name) for name in ("a.go", "a.GO", "a.Y", "a.y", "a.x1", "a.txt", "dir.go/noext")]
    go = "text/x-go; charset=utf-8"
    assert found == [go, go, "application/x-y", DEFAULT, DEFAULT, "text/plain", DEFAULT]


def test_the_older_tables_are_read_where_there_are_no_globs(tmp_path):
    (tmp_path / "mime.types").write_text("text/x-some\tx1 x2 # no\napplication/z\n")
    types = ContentTypes((), (str(tmp_path / "mime.types"),))
    assert [types.of(name) for name in ("a.x2", "a.no")] == ["text/x-some; charset=utf-8", DEFAULT]


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10000, "9.8 KiB"), (10240, "10 KiB"), (5 << 30, "5.0 GiB")],
)
def test_sizes_read_as_the_reference_writes_them(size, text):
    assert shown(size) == text
