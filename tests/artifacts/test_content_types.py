"""Content types by name, as recorded and as the system's tables add to them."""

import json
import os

import pytest

from bkagent.artifacts.upload.content_types import DEFAULT, ContentTypes
from bkagent.wire.human_size import format_size

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "content-types.json")
TABLES = os.path.join(os.path.dirname(__file__), "..", "data", "content_types")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)["cases"]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_recorded_types(case):
    assert ContentTypes((), ()).of("name" + case["extension"]) == (case["type"] or DEFAULT)


def _registered_nothing(extension):
    return ""


@pytest.mark.parametrize(
    "machine, globs, tables",
    [("bare", ["none"], ["none"]), ("globs2", ["none", "globs2"], ["mime.types"]), ("mime.types", [], ["mime.types"])],
)
def test_every_known_name_has_the_type_that_the_reference_gives_it(machine, globs, tables):
    with open(os.path.join(TABLES, "answers.json"), encoding="utf-8") as file:
        answers = {name: kind for kind, names in json.load(file)[machine].items() for name in names.split(" ")}
    paths = [[os.path.join(TABLES, name) for name in names] for names in (globs, tables)]
    types = ContentTypes(*paths, _registered_nothing)
    assert {name: types.of(name) for name in answers} == answers


def test_the_registry_comes_before_the_types_of_go_and_after_the_table():
    registry = {"txt": "text/never", "TXT": "text/x-registered", "odd": "no slash", "new": "application/x-new"}
    types = ContentTypes((), (), lambda extension: registry.get(extension, ""))
    assert [types.of(name) for name in ("a.txt", "a.TXT", "a.PNG", "a.odd", "a.new")] == [
        "text/plain", "text/x-registered; charset=utf-8", "image/png", DEFAULT, "application/x-new",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10000, "9.8 KiB"), (10240, "10 KiB"), (5 << 30, "5.0 GiB")],
)
def test_sizes_read_as_the_reference_writes_them(size, text):
    assert format_size(size) == text
