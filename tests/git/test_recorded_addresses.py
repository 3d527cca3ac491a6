"""What is made of an address, right or wrong in any of its parts, as it was recorded of the reference."""

import json
import os

from bkagent.git import location
from bkagent.plugins.location import BadPlugins
from bkagent.plugins.parse import plugin_of
from bkagent.redaction.url_password import masked
from tests.fakes.vectors import FOLDER

with open(os.path.join(FOLDER, "addresses.json"), encoding="utf-8") as opened:
    CASES = json.load(opened)["cases"]
PARTS = ("scheme", "user", "host", "hostname", "port", "path")


def differing(answer, wanted):
    return [(case["input"], answer(case), wanted(case)) for case in CASES if answer(case) != wanted(case)]


def test_addresses_are_read_as_recorded():
    assert {bool(case.get("error")) for case in CASES} == {True, False}
    wanted = lambda case: None if "error" in case else tuple(case[part] for part in PARTS)  # noqa: E731
    assert differing(lambda case: location.parse(case["input"]), wanted) == []


def test_addresses_are_shown_as_recorded():
    assert differing(lambda case: masked(case["input"]), lambda case: case["masked"]) == []


def test_mirrors_have_the_recorded_folders():
    assert differing(lambda case: location.mirror_folder(case["input"]), lambda case: case["mirror_dir"]) == []


def plugin_at(case):
    try:
        plugin = plugin_of(case["input"], {})
    except BadPlugins:
        return None  # the reasons are our own
    return {name: getattr(plugin, name) for name in ("location", "version", "scheme", "authentication")}


def test_plugins_have_the_recorded_addresses():
    texts = [case for case in CASES if "plugin" in case or "plugin_error" in case]
    assert [(case["input"], plugin_at(case)) for case in texts if plugin_at(case) != case.get("plugin")] == []
