"""Short plugin sources become full ones."""

import pytest

from bkagent.pipeline.plugin_source import full_source
from tests.fakes import vectors


@pytest.mark.parametrize("case", [*vectors.of("plugins", "loc"), *vectors.of("edges", "source")])
def test_recorded_sources(case):
    assert full_source(case["location"]) == case["canonical_source"]
