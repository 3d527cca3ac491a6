"""BUILDKITE_PLUGINS: what plugins it names, and what their hooks are told."""

import json
import random

import pytest

from bkagent.plugins.configuration import BadConfiguration, compact_json, variables
from bkagent.plugins.location import BadPlugins
from bkagent.plugins.parse import parse

LOCATIONS = [
    # source, name, identifier, repository, subdirectory, display name
    (
        "github.com/acme/foo-buildkite-plugin#v1.2.0",
        "foo",
        "github-com-acme-foo-buildkite-plugin-v1-2-0",
        "https://github.com/acme/foo-buildkite-plugin",
        "",
        "foo-buildkite-plugin",
    ),
    (
        "https://github.com/acme/foo-buildkite-plugin.git#v1",
        "foo",
        "github-com-acme-foo-buildkite-plugin-git-v1",
        "https://github.com/acme/foo-buildkite-plugin.git",
        "",
        "foo-buildkite-plugin",
    ),
    (
        "ssh://git@github.com/acme/tools/sub/dir#main",
        "dir",
        "github-com-acme-tools-sub-dir-main",
        "ssh://git@github.com/acme/tools",
        "sub/dir",
        "tools/sub/dir",
    ),
    (
        "https://git.example.com/team/p.git/part#1",
        "part",
        "git-example-com-team-p-git-part-1",
        "https://git.example.com/team/p.git",
        "part",
        "p/part",
    ),
    ("gitlab.com/g/sub/p#x", "p", "gitlab-com-g-sub-p-x", "https://gitlab.com/g/sub/p", "", "p"),
    ("/abs/path/plugin", "plugin", "abs-path-plugin", "/abs/path/plugin", "", "plugin"),
    (
        "https://user:p%40ss@git.example.com/acme/x.git#v1",
        "x-git",
        "git-example-com-acme-x-git-v1",
        "https://user:p%40ss@git.example.com/acme/x.git",
        "",
        "x",
    ),
    (
        "github.com/acme/foo%20bar?x=1",
        "foo-bar",
        "github-com-acme-foo-bar",
        "https://github.com/acme/foo bar",
        "",
        "foo bar",
    ),
]


@pytest.mark.parametrize("source, name, identifier, repository, subdirectory, display", LOCATIONS)
def test_a_source_says_where_a_plugin_is(source, name, identifier, repository, subdirectory, display):
    (plugin,) = parse(json.dumps([source]))
    assert (plugin.name, plugin.identifier, plugin.display_name) == (name, identifier, display)
    assert (plugin.repository, plugin.subdirectory) == (repository, subdirectory)
    assert not plugin.vendored


@pytest.mark.parametrize("source", ["./.buildkite/plugins/my thing", "../outside", ".buildkite/plugins/x"])
def test_a_source_with_a_dot_is_in_the_repository(source):
    (plugin,) = parse(json.dumps([source]))
    assert plugin.vendored and plugin.location == source


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("docker#v5", 'incomplete plugin path "docker"'),
        ("github.com/acme", 'incomplete plugin path "github.com/acme"'),
        ("C:\\plugins\\x", "missing plugin location"),
        ("localhost:3000/foo", "missing plugin location"),
        ("", "missing plugin location"),
    ],
)
def test_a_source_without_a_repository_is_named(source, complaint):
    (plugin,) = parse(json.dumps([source]))
    with pytest.raises(BadPlugins) as failed:
        plugin.repository  # noqa: B018
    assert str(failed.value) == complaint


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("null", "JSON structure was not an array"),
        ('{"a": 1}', "JSON structure was not an array"),
        ("", "it is not JSON"),
        ("[", "it is not JSON"),
        ("[NaN]", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[1]", "neither a string nor an object"),
        ('[{"a#v1": [1]}]', 'configuration for "a#v1" is not a hash'),
        ('["a#b#c"]', "too many '#'s in \"a#b#c\""),
        ('["git@github.com:acme/foo.git#v1"]', "first path segment in URL cannot contain colon"),
        ('["http://h:x/y"]', "invalid port"),
        ('["http://h/%zz"]', "invalid URL escape"),
        ('["a\\u0001b"]', "invalid control character in URL"),
        ('[":x"]', "missing protocol scheme"),
        ('["http://a b@h/x"]', "invalid userinfo"),
    ],
)
def test_what_is_no_list_of_plugins_is_refused(text, complaint):
    with pytest.raises(BadPlugins) as failed:
        parse(text)
    assert complaint in str(failed.value)


def test_the_list_keeps_its_order_and_may_repeat_a_plugin():
    found = parse(' ["a#v1", {"b#v1": null, "c#v1": {"k": 1}}, "a#v1"] trailing')
    assert [plugin.label for plugin in found] == ["a#v1", "b#v1", "c#v1", "a#v1"]


def test_a_configuration_becomes_variables():
    told = '"image": "a", "env": ["X", "Y=1"], "opts": {"dry-run": true, "max": 3, "no": false}, "n": 1.50'
    text = '[{"x/foo#v1": {' + told + "}}]"
    (plugin,) = parse(text)
    found = variables(plugin)
    assert found.deprecated == []
    assert found.env == {
        "BUILDKITE_PLUGIN_NAME": "FOO",
        "BUILDKITE_PLUGIN_CONFIGURATION": (
            '{"env":["X","Y=1"],"image":"a","n":1.50,"opts":{"dry-run":true,"max":3,"no":false}}'
        ),
        "BUILDKITE_PLUGIN_FOO_IMAGE": "a",
        "BUILDKITE_PLUGIN_FOO_ENV_0": "X",
        "BUILDKITE_PLUGIN_FOO_ENV_1": "Y=1",
        "BUILDKITE_PLUGIN_FOO_OPTS_DRY_RUN": "true",
        "BUILDKITE_PLUGIN_FOO_OPTS_MAX": "3",
        "BUILDKITE_PLUGIN_FOO_OPTS_NO": "false",
        "BUILDKITE_PLUGIN_FOO_N": "1.50",
    }


def test_names_with_several_underscores_keep_their_former_name_too():
    (plugin,) = parse('[{"x/foo#v1": {"a - b": "z"}}]')
    found = variables(plugin)
    assert found.env["BUILDKITE_PLUGIN_FOO_A___B"] == found.env["BUILDKITE_PLUGIN_FOO_A_B"] == "z"
    assert found.deprecated == [("BUILDKITE_PLUGIN_FOO_A_B", "BUILDKITE_PLUGIN_FOO_A___B")]
    without = variables(plugin, with_aliases=False)
    assert "BUILDKITE_PLUGIN_FOO_A_B" not in without.env and without.deprecated == []


@pytest.mark.parametrize("configuration", ['{"x": null}', '{"x": [1, null]}', '{"x": {"y": null}}'])
def test_a_null_leaves_no_variables(configuration):
    (plugin,) = parse('[{"x/foo#v1": ' + configuration + "}]")
    with pytest.raises(BadConfiguration, match="unknown type <nil> <nil>"):
        variables(plugin)


@pytest.mark.parametrize(
    "value, text",
    [
        ({}, "{}"),
        ({"b": [], "a": {}}, '{"a":{},"b":[]}'),
        ("<b>&'\"\\</b>", '"\\u003cb\\u003e\\u0026\'\\"\\\\\\u003c/b\\u003e"'),
        ("\n\r\t\x01\u2028\u00e9", '"\\n\\r\\t\\u0001\\u2028\u00e9"'),
        ([True, False, None], "[true,false,null]"),
    ],
)
def test_json_is_written_as_go_writes_it(value, text):
    assert compact_json(value) == text
    assert json.loads(text) == value


@pytest.mark.parametrize("seed", range(50))
def test_random_lists_are_read_or_refused(seed):
    chance = random.Random(seed)
    pieces = [
        "[",
        "]",
        "{",
        "}",
        '"',
        ":",
        ",",
        "a#v1",
        "./x",
        "null",
        "1e5",
        "true",
        " ",
        "\\u00e9",
        "http://",
        "%41",
        "@",
    ]
    for _ in range(300):
        text = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 12)))
        try:
            for plugin in parse(text):
                assert isinstance(plugin.identifier, str) and "/" not in plugin.identifier
                assert plugin.display_name is not None
        except BadPlugins:
            pass
