"""A plugin's definition: the programs it needs, and the schema of its configuration."""

import json
import os
import random

import pytest

from bkagent.errors import JobFailed
from bkagent.plugins.checkout import CheckedOut
from bkagent.plugins.definition import validate
from bkagent.plugins.parse import parse
from bkagent.plugins.schema import Schema
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session
from tests.fakes.job_log import RecordedJobLog

CASES = [
    # schema, fitting values, other values
    (True, [1, None], []),
    (False, [], [1, None]),
    ({}, [1, "x", {}], []),
    ({"unknown": 1, "type": 5}, [1], []),
    ({"type": "string"}, ["", "x"], [1, None, [], {}]),
    ({"type": "integer"}, [1, 2.0, -3, 10**400], [1.5, True, "1", float("inf")]),
    ({"type": "number"}, [1, 1.5], [False, "1"]),
    ({"type": ["string", "null"]}, ["", None], [0]),
    ({"type": "boolean"}, [True, False], [0, 1]),
    ({"enum": ["a", 1, None]}, ["a", 1, None], ["b", True]),
    ({"const": {"a": [1]}}, [{"a": [1]}], [{"a": []}]),
    ({"required": ["a"]}, [{"a": 1}, 5], [{}, {"b": 1}]),
    ({"properties": {"a": {"type": "string"}}, "additionalProperties": False}, [{}, {"a": ""}], [{"a": 1}, {"b": 1}]),
    ({"additionalProperties": {"type": "integer"}}, [{"x": 1}], [{"x": ""}]),
    (
        {"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False},
        [{"x-a": 1}],
        [{"x-a": ""}, {"y": 1}],
    ),
    ({"propertyNames": {"pattern": "^[a-z]+$"}}, [{"a": 1}], [{"A": 1}]),
    ({"minProperties": 1, "maxProperties": 2}, [{"a": 1}], [{}, {"a": 1, "b": 1, "c": 1}]),
    ({"dependentRequired": {"a": ["b"]}}, [{}, {"b": 1}, {"a": 1, "b": 1}], [{"a": 1}]),
    ({"dependencies": {"a": ["b"]}}, [{"a": 1}], []),  # which the reference does not know either
    ({"items": {"type": "string"}}, [[], ["a"]], [[1]]),
    ({"items": [{"type": "string"}], "additionalItems": False}, [["a"]], [["a", 1], [1]]),
    ({"minItems": 1, "maxItems": 2}, [[1]], [[], [1, 2, 3]]),
    ({"uniqueItems": True}, [[1, 2], [1, True]], [[1, 1]]),
    ({"contains": {"const": 1}}, [[2, 1]], [[2], []]),
    ({"minLength": 1, "maxLength": 2}, ["a", 5], ["", "abc"]),
    ({"pattern": "^v[0-9]"}, ["v1x"], ["1v"]),
    ({"pattern": "(unclosed"}, ["x"], []),
    ({"minimum": 1, "maximum": 3}, [1, 3], [0, 4]),
    ({"exclusiveMinimum": 1, "exclusiveMaximum": 3}, [2], [1, 3]),
    ({"multipleOf": 2}, [4, 0], [3]),
    ({"multipleOf": 0.1}, [0.3, 1], [0.25, float("inf")]),
    ({"allOf": [{"type": "string"}, {"minLength": 2}]}, ["ab"], ["a", 5]),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ["", None], [1]),
    ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, [1.5], [1, "x"]),
    ({"not": {"type": "string"}}, [1], ["x"]),
    (
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}},
        [{"a": 1, "b": 1}, {"c": 1}],
        [{"a": 1}, {}],
    ),
    (
        {"definitions": {"t/x": {"type": "string"}}, "properties": {"a": {"$ref": "#/definitions/t~1x"}}},
        [{"a": ""}],
        [{"a": 1}],
    ),
    ({"$ref": "https://elsewhere/x"}, [1], []),
    ({"$ref": "#"}, [], [1]),
]


@pytest.mark.parametrize("schema, fitting, other", CASES)
def test_each_keyword_has_its_meaning(schema, fitting, other):
    for value in fitting:
        assert Schema(schema).problems(value) == [], value
    for value in other:
        assert Schema(schema).problems(value) != [], value


@pytest.mark.parametrize(
    "schema, value, told",
    [  # recorded of the reference
        ({"type": ["integer", "boolean"]}, "x", '"x" type should be one of: integer,boolean, got string'),
        ({"type": "object"}, [1], "[1] type should be object, got array"),
        ({"type": "string"}, 12, "12 type should be string, got integer"),
        ({"type": "integer"}, 1.5, "1.5 type should be integer, got number"),
        ({"type": "integer"}, "x" * 50, '"xxxxxxxxxxxxxxxxxxx... type should be integer, got string'),
        ({"type": "integer"}, "é<&>", r'"é\u003c\u0026\u003... type should be integer, got string'),
        ({"enum": ["x", "y", 3]}, "z", '"z" should be one of ["x", "y", 3]'),
        ({"const": "x"}, "z", '"z" must equal "x"'),
        ({"minimum": 5}, 3, "3 must be greater than or equal to 5"),
        ({"maximum": 5}, 7.5, "7.5 must be less than or equal to 5"),
        ({"exclusiveMinimum": 5}, 5, "5 5 must be greater than 5"),
        ({"exclusiveMaximum": 5}, 5, "5 5 must be less than 5"),
        ({"multipleOf": 2}, 3, "3 must be a multiple of 2"),
        ({"minLength": 5}, "abc", '"abc" min length of 5 characters required: abc'),
        ({"maxLength": 2}, "abc", '"abc" max length of 2 characters exceeded: abc'),
        ({"pattern": "^x"}, "abc", '"abc" regexp pattern ^x mismatch on string: abc'),
        ({"minItems": 2}, [1], "[1] array length 1 below 2 minimum items"),
        ({"maxItems": 1}, [1, 2], "[1,2] array length 2 exceeds 1 max"),
        ({"uniqueItems": True}, [1, 1], "[1,1] array items must be unique. duplicated entry: 1"),
        ({"anyOf": [{"type": "string"}]}, 1, "1 did Not match any specified AnyOf schemas"),
        ({"oneOf": [{"type": "string"}]}, 1, "1 did not match any of the specified OneOf schemas"),
        ({"oneOf": [{"type": "number"}, {}]}, 1, "1 matched more than one specified OneOf schemas"),
        ({"not": {"type": "number"}}, 1, "1 result was valid, ('not') expected invalid"),
        (False, 1, "1 schema is always false"),
        ({"minProperties": 3}, {"a": 1}, '{"a":1} 1 object Properties below 3 minimum'),
        ({"maxProperties": 0}, {"a": 1}, '{"a":1} 1 object Properties exceed 0 maximum'),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, '{"a":1} "b" property is required'),
        ({"additionalProperties": False}, {"x": 1, "y": 2}, '{"x":1,"y":2} additional properties are not allowed'),
    ],
)
def test_each_problem_has_the_references_words(schema, value, told):
    assert Schema(schema).problems(value) == [f"/: {told}"]


def test_problems_come_in_the_references_order():
    schema = {
        "additionalProperties": False,
        "required": ["z", "m"],
        "properties": {"b": {"type": "integer"}, "a": {"type": "integer"}},
        "minProperties": 5,
    }
    shown = '/: {"a":"y","b":"x","ex...'
    assert Schema(schema).problems({"b": "x", "a": "y", "extra": 1}) == [
        f'{shown} "z" value is required',
        f'{shown} "m" value is required',
        f"{shown} 3 object Properties below 5 minimum",
        '/b: "x" type should be integer, got string',
        '/a: "y" type should be integer, got string',
        f"{shown} additional properties are not allowed",
    ]


@pytest.mark.parametrize("seed", range(30))
def test_any_schema_answers_for_any_value(seed):
    chance = random.Random(seed)
    names = sorted({name for schema, _, _ in CASES if isinstance(schema, dict) for name in schema})

    def thing(depth):
        if depth == 0 or chance.random() < 0.3:
            return chance.choice([None, True, 1, -1.5, "a", "", [], {}, "#", "integer"])
        if chance.random() < 0.5:
            return [thing(depth - 1) for _ in range(chance.randint(0, 3))]
        return {chance.choice(names): thing(depth - 1) for _ in range(chance.randint(0, 4))}

    for _ in range(200):
        problems = Schema(thing(4)).problems(thing(3))
        assert all(isinstance(problem, str) for problem in problems)


@pytest.fixture
def log():
    return RecordedJobLog()


@pytest.fixture
def check(tmp_path, log):
    """Return a function that validates a configuration against a definition file's text."""

    def run(configuration, definition=None, name="plugin.yml"):
        (tmp_path / "hooks").mkdir()
        if definition is not None:
            (tmp_path / name).write_text(definition)
        (plugin,) = parse(json.dumps([{"x/my#v1": configuration}]))
        session = Session({"PATH": os.defpath}, str(tmp_path), LogLines(log), pty=False)
        validate(session, CheckedOut(plugin, str(tmp_path), str(tmp_path / "hooks")))

    return run


DEFINITION = """name: My
requirements: [sh]
configuration:
  properties:
    a: {type: string}
    n: {type: integer}
  required: [a]
  additionalProperties: false
"""


def test_a_good_configuration_is_said_to_be_one(check, log):
    check({"a": "x", "n": 1}, DEFINITION)
    assert 'Valid plugin configuration for "my"' in log.text


def test_a_bad_configuration_fails_the_job_with_all_its_problems(check, log):
    with pytest.raises(JobFailed) as failed:
        check({"n": 1.5, "b": True}, DEFINITION)
    assert failed.value.exit_code == 1
    assert str(failed.value) == (
        '/: {"b":true,"n":1.5} "a" value is required, /n: 1.5 type should be integer, got number, '
        '/: {"b":true,"n":1.5} additional properties are not allowed'
    )
    assert '~~~ Plugin validation failed for "my"\n' in log.text
    assert 'Plugin configuration JSON is {"b":true,"n":1.5}' in log.text


def test_a_missing_program_is_named(check):
    with pytest.raises(JobFailed, match='"no-such-program" command not found in PATH'):
        check({}, '{"requirements": ["no-such-program"]}', "plugin.json")


def test_a_plugin_without_a_definition_is_only_warned_of(check, log):
    check({"a": 1})
    assert "Failed to find plugin definition for plugin my" in log.text


@pytest.mark.parametrize("text, complaint", [("a: [", "cannot be read"), ("- x", "is not an object")])
def test_a_broken_definition_is_a_problem(check, text, complaint):
    with pytest.raises(JobFailed, match=complaint):
        check({}, text)


def test_a_definition_elsewhere_is_not_read(check, tmp_path, log):
    outside = tmp_path.parent / "outside.yml"
    outside.write_text(DEFINITION)
    os.symlink(outside, tmp_path / "plugin.yml")
    check({})
    assert "Failed to find plugin definition" in log.text
