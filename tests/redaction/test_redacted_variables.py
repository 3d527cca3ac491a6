"""Which variables hold secrets, how Go would quote their values, and fields that are scrubbed of them."""

import json
import os
import random
import subprocess
import sys

import pytest

from bkagent.redaction.name_pattern import BadNamePattern, NamePattern
from bkagent.redaction.url_password import masked
from bkagent.redaction.variables import SecretValues, values_of
from bkagent.wire import go_quoted

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
with open(os.path.join(TOP, "tests", "data", "vectors", "redaction-vars.json"), encoding="utf-8") as file:
    RECORDED = json.load(file)["cases"]
with open(os.path.join(TOP, "tests", "data", "vectors", "edges.json"), encoding="utf-8") as file:
    RECORDED += json.load(file)["cases"]


def recorded(kind):
    return pytest.mark.parametrize(
        "case", [case for case in RECORDED if case["name"].startswith(kind)], ids=lambda case: case["name"]
    )


@recorded("vars-")
def test_recorded_choices(case):
    found = values_of(case["env"], case["patterns"])
    if "error" in case:
        assert found.values == found.short_names == ()
        shown = " ".join(map(go_quoted.go_quote, found.bad_patterns))
        assert f"bad patterns: [{shown}]" == case["error"]
    else:
        assert list(found.names) == case["redacted_names"]
        assert list(found.values) == [case["env"][name] for name in case["redacted_names"]]
        assert list(found.short_names) == case["short_names"]
        assert found.bad_patterns == ()


@recorded("escape-")
def test_recorded_quoting(case):
    assert go_quoted.body(case["value"]) == case["escaped"]


@recorded("mask-")
def test_recorded_masking(case):
    assert masked(case["url"]) == case["masked"]


def test_bytes_that_are_no_text_are_quoted_as_bytes():
    secret = b"a\xffb-secret".decode("utf-8", "surrogateescape")
    assert SecretValues({"A_TOKEN": secret}, ["*_TOKEN"]).scrub("say a\\xffb-secret") == "say [REDACTED]"


def test_the_length_limit_counts_bytes():
    assert values_of({"A_TOKEN": "äää", "B_TOKEN": "ääa"}, ["*_TOKEN"]).names == ("A_TOKEN",)


def test_a_malformed_pattern_behind_one_that_fits_is_never_met():
    env = {"A_TOKEN": "abcdef"}
    assert values_of(env, ["*_TOKEN", "["]).names == ("A_TOKEN",)
    assert values_of(env, ["[", "*_TOKEN"]).bad_patterns == ("[",)
    assert values_of({}, ["["]).bad_patterns == ()


def test_patterns_agree_with_a_plain_matcher():
    """Against a matcher that tries every way, on seeded patterns of literals, stars, marks and classes."""

    def fits(steps, name):
        if not steps:
            return not name
        if steps[0] == "*":
            return fits(steps[1:], name) or (bool(name) and name[0] != "/" and fits(steps, name[1:]))
        if not name:
            return False
        step = steps[0]
        good = name[0] != "/" if step == "?" else (name[0] in step[1:]) != (step[0] == "^")
        return good and fits(steps[1:], name[1:])

    for seed in range(3000):
        chance = random.Random(seed)
        pattern, steps = "", []
        for _ in range(chance.randrange(6)):
            kind = chance.randrange(6)
            letter = chance.choice("ab/")
            text, step = [
                ("*", "*"), ("?", "?"), (letter, "=" + letter), ("[ab]", "=ab"), ("[^a]", "^a"), ("\\*", "=*"),
            ][kind]  # fmt: skip
            pattern, steps = pattern + text, [*steps, step]
        # A negated class could match a slash, and the rules do not say whether a star may go back for one.
        name = "".join(chance.choice("ab*" if "^" in pattern else "ab/*") for _ in range(chance.randrange(6)))
        assert NamePattern(pattern).matches(name) == fits(steps, name), (pattern, name)


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "[a-", "[a-]", "[-a]", "[^", "[^]", "\\", "a\\", "*[", "x[b-"])
def test_malformed_patterns_are_told(pattern):
    with pytest.raises(BadNamePattern):
        NamePattern(pattern)


def test_a_field_is_scrubbed_of_values_and_their_quoted_forms():
    env = {"DB_PASSWORD": 'two\nlines "x"', "API_TOKEN": "token-1", "SHORT_TOKEN": "abc", "OTHER": "visible"}
    text = 'abc visible token-12 and two\r\n  lines "x" and two\\nlines \\"x\\".'
    clean = SecretValues(env, ["*_PASSWORD", "*_TOKEN"]).scrub(text)
    assert clean == "abc visible [REDACTED]2 and [REDACTED] and [REDACTED]."
    assert SecretValues(env, ["*_TOKEN"]).scrub("nothing here") == "nothing here"
    assert SecretValues(env, []).scrub(text) == text


def test_scrubbing_loads_nothing_that_a_short_command_does_not_need():
    program = (
        f"import sys; sys.path.insert(0, {TOP!r}); from bkagent.redaction.variables import SecretValues;"
        "SecretValues({'X_TOKEN': 'secret-x'}, ['*_TOKEN', 'A[b]*']).scrub('a secret-x b');"
        "print(*sorted({'re', 'typing', 'dataclasses', 'enum', 'json', 'threading'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], stdout=subprocess.PIPE, check=True)
    assert done.stdout.split() == []


def test_a_credential_of_google_is_a_secret_whatever_the_patterns_are():
    document = '{"type": "service_account", "private_key": "-----BEGIN"}'
    env = {"BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON": document, "OTHER": "harmless"}
    assert values_of(env, []).values == values_of(env, ["*_TOKEN"]).values == (document,)
    assert SecretValues(env, []).scrub(f"a {document} b") == "a [REDACTED] b"


def test_the_signature_of_a_destination_in_azure_is_a_secret():
    url = "https://a.blob.core.windows.net/c/p"
    env = {"BUILDKITE_ARTIFACT_UPLOAD_DESTINATION": f"{url}?sv=1&sig=ab%2Bcd%3D&se=2", "OTHER": "?sig=abcdefgh"}
    assert values_of(env, ["*_TOKEN"]).values == ("ab%2Bcd%3D",)
    assert SecretValues(env, []).scrub(f"upload x {url}?sv=1&sig=ab%2Bcd%3D&se=2") == (
        f"upload x {url}?sv=1&sig=[REDACTED]&se=2"
    )
    assert values_of({"BUILDKITE_ARTIFACT_UPLOAD_DESTINATION": url}, []).values == ()
