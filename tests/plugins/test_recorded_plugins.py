"""BUILDKITE_PLUGINS, as it was recorded of the reference: what each plugin is called, and what its hooks are told."""

import pytest

from bkagent.plugins.configuration import BadConfiguration, variables
from bkagent.plugins.location import BadPlugins
from bkagent.plugins.parse import parse
from tests.fakes import vectors

_SAME = ("location", "version", "scheme", "authentication", "vendored", "label", "name", "identifier", "display_name")


@pytest.mark.parametrize("case", [*vectors.of("plugins"), *vectors.of("edges", "json")])
def test_plugins(case):
    if "error" in case:
        with pytest.raises(BadPlugins):
            parse(case["plugins_json"])
        return
    found = parse(case["plugins_json"])
    assert len(found) == len(case["plugins"])
    for plugin, expected in zip(found, case["plugins"]):
        assert {name: getattr(plugin, name) for name in _SAME} == {name: expected[name] for name in _SAME}
        _check_repository(plugin, expected)
        _check_variables(plugin, expected)


def _check_repository(plugin, expected):
    if "repository_error" in expected:
        with pytest.raises(BadPlugins):
            plugin.repository  # noqa: B018
    else:
        assert (plugin.repository, plugin.subdirectory) == (expected["repository"], expected["subdirectory"])


def _check_variables(plugin, expected):
    if "env_error" in expected and not expected["env"]:
        with pytest.raises(BadConfiguration):
            variables(plugin)
        return
    found = variables(plugin)
    assert found.env == expected["env"]
    assert bool(found.deprecated) is ("env_error" in expected)
