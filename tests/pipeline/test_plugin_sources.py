"""Short plugin sources become full ones."""

import json
import os

import pytest

from bkagent.pipeline.plugins_source import full_source

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "plugins.json")
with open(VECTORS, encoding="utf-8") as file:
    CASES = [case for case in json.load(file)["cases"] if "canonical_source" in case]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_recorded_sources(case):
    assert full_source(case["location"]) == case["canonical_source"]
