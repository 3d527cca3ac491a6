"""Requests of a job without secrets: one rule for bodies, paths and queries."""

import json
import re

import pytest

from bkagent.localapi.scrubbing import scrub_body, scrub_headers
from bkagent.redaction.outbound import LEFT_ALONE, clean_document, clean_target
from bkagent.redaction.variables import SecretValues


def scrub(text):
    return text.replace("hush", "***")


def of(target, document):
    return json.loads(scrub_body(target, json.dumps(document).encode(), scrub))


@pytest.mark.parametrize("target", ["jobs/1/annotations", "jobs/1/data/set", "/builds/1/data/get", "jobs/1?a"])
def test_texts_are_scrubbed_names_included(target):
    document = {"key": "hush", "items": [{"key": "a hush", "value": ["hush", 1, None]}], "n": 1.5, "hush": True}
    assert of(target, document) == {
        "key": "***", "items": [{"key": "a ***", "value": ["***", 1, None]}], "n": 1.5, "***": True,
    }  # fmt: skip


def test_what_must_be_met_exactly_stays():
    document = {
        "id": "hush", "uuid": "hush", "build_id": "hush", "sha1sum": "hush", "state": "hush",
        "multipart_etags": [{"etag": "hush"}],
    }  # fmt: skip
    assert of("jobs/1/artifacts", document) == document


def test_words_of_the_protocol_are_no_secrets():
    document = {"style": "warning", "attribute": "priority", "value": "warning", "timeout_in_minutes": "5"}
    of_words = lambda text: re.sub("warning|priority|timeout_in_minutes|style", "", text)  # noqa: E731
    clean = json.loads(scrub_body("steps/x", json.dumps(document).encode(), of_words))
    assert clean == {**document, "value": ""}


def test_nobody_is_told_of_a_secret_that_is_a_word_of_the_protocol():
    told = []

    def scrub_aloud(text):
        told.extend(re.findall("warning|default", text))
        return re.sub("warning|default", "", text)

    document = {"style": "warning", "context": "default", "body": "text"}
    assert clean_document("jobs/1/annotations", document, scrub_aloud) == document and not told


def test_texts_side_by_side_hold_no_secret_together():
    document = {"items": [{"key": "hu", "value": "sh"}, "hu", "sh"]}
    assert of("steps/x", document) == document
    across = lambda text: text.replace("hu\0sh", "***")  # noqa: E731  (a secret may hold any bytes)
    assert json.loads(scrub_body("steps/x", json.dumps(document).encode(), across)) == document


def test_a_text_that_stands_for_no_bytes_hides_no_secret_in_another():
    secrets = SecretValues({"A_SECRET": "\udcffhush-hush"}, ["*_SECRET"])  # bytes that are not UTF-8
    document = {"body": "\ud800", "context": "a \udcffhush-hush"}
    clean = clean_document("jobs/1/annotations", document, secrets.scrub)
    assert clean == {"body": "\ud800", "context": "a [REDACTED]"}


@pytest.mark.parametrize("last", sorted(LEFT_ALONE))
def test_requests_with_a_rule_of_their_own_pass_as_they_are(last):
    assert of(f"jobs/1/{last}", {"value": "hush"}) == {"value": "hush"}
    assert clean_target(f"jobs/1/{last}?key=hush", scrub) == f"jobs/1/{last}?key=hush"


@pytest.mark.parametrize(
    "target, clean",
    [
        ("jobs/hush/annotations/a%20h%75sh%2Eb?scope=build", "jobs/hush/annotations/a%20%2A%2A%2A%2Eb?scope=build"),
        ("artifacts/search?query=a+hush%2F%2A&scope=hush", "artifacts/search?query=a%20%2A%2A%2A%2F%2A&scope=hush"),
        ("jobs/1/annotations/quiet%zz?q=%", "jobs/1/annotations/quiet%zz?q=%"),
        ("steps/hush/export", "steps/hush/export"),
    ],
)  # fmt: skip
def test_targets(target, clean):
    assert clean_target(target, scrub) == clean


def test_a_body_without_secrets_is_passed_byte_for_byte():
    body = b'{ "value":  "quiet \\u00e4" }'
    assert scrub_body("jobs/1/data/set", body, scrub) is body


@pytest.mark.parametrize("body", [b"hush \xff{", b"[" * 100_000 + b"hush"])
def test_what_is_no_json_is_scrubbed_as_text(body):
    assert scrub_body("jobs/1/annotations", body, scrub) == body.replace(b"hush", b"***")


def test_headers_that_the_control_plane_asked_for_stay():
    headers = {"Buildkite-JobSandbox": "hush-1", "Buildkite-Note": "hush"}
    assert scrub_headers(headers, {"Buildkite-JobSandbox": "hush-1"}, scrub) == {**headers, "Buildkite-Note": "***"}
