"""Short plugin sources become full ones."""

import pytest

from bkagent.pipeline.plugin_source import full_source
from tests.fakes import vectors


@pytest.mark.parametrize("case", [*vectors.of("plugins", "loc"), *vectors.of("edges", "source")])
def test_recorded_sources(case):
    assert full_source(case["location"]) == case["canonical_source"]


@pytest.mark.parametrize(
    ("source", "full"),
    [
        ("docker#v5", "github.com/buildkite-plugins/docker-buildkite-plugin#v5"),
        ("acme/x#v1", "github.com/acme/x-buildkite-plugin#v1"),
        ("docker#", "github.com/buildkite-plugins/docker-buildkite-plugin"),
        # A query is no part of the name; escapes are resolved, in the name and in the version.
        ("docker?x=1#v5", "github.com/buildkite-plugins/docker-buildkite-plugin#v5"),
        ("docker%20x#v%201", "github.com/buildkite-plugins/docker x-buildkite-plugin#v 1"),
        ("docker#v\x011", "github.com/buildkite-plugins/docker-buildkite-plugin#v\x011"),
        ("docker/#v1", "github.com/docker/-buildkite-plugin#v1"),
        ("docker#../../x", "github.com/buildkite-plugins/x"),
    ],
)  # fmt: skip
def test_a_short_source_is_completed_as_the_reference_does(source, full):
    assert full_source(source) == full


@pytest.mark.parametrize(
    "source",
    [
        "", "/x", "./x", "\\x", "a/b/c#v1", "a//b", "ssh://h/x", "C:x", "git@host:a/b.git", "host:80/x",
        # No URLs, by an escape or a control character; an escaped slash makes a third segment.
        "docker%zz#v1", "docker#v1%zz", "doc\x01ker#v1", "docker\x7f", "acme/d%2Fe#v1",
    ],
)  # fmt: skip
def test_what_is_no_short_source_is_left_alone(source):
    assert full_source(source) == source
