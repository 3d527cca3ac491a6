"""Bodies of requests without secrets."""

import json

import pytest

from bkagent.localapi.scrubbing import scrubbed


def scrub(text):
    return text.replace("hush", "***")


def of(path, document, method="POST"):
    return json.loads(scrubbed(method, path, json.dumps(document).encode(), scrub))


PATHS = ["jobs/1/annotations", "jobs/1/data/set", "/builds/1/data/set", "steps/x", "jobs/1?a=b"]


@pytest.mark.parametrize("path", PATHS)
def test_texts_are_scrubbed_and_names_are_not(path):
    document = {"key": "hush", "value": "a hush", "items": [{"key": "hush", "value": ["hush", 1, None]}], "n": 1.5}
    assert of(path, document) == {
        "key": "hush", "value": "a ***", "items": [{"key": "hush", "value": ["***", 1, None]}], "n": 1.5,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["jobs/1/pipelines", "jobs/1/data/get", "oidc/tokens", "jobs/1/annotations/hush/x"])
def test_other_requests_pass_as_they_are(path):
    assert of(path, {"value": "hush"}) == {"value": "hush"}
    assert of("jobs/1/annotations", {"value": "hush"}, "DELETE") == {"value": "hush"}


def test_a_body_without_secrets_is_passed_byte_for_byte():
    body = b'{ "value":  "quiet \\u00e4" }'
    assert scrubbed("POST", "jobs/1/data/set", body, scrub) is body


def test_what_is_no_json_is_scrubbed_as_text():
    assert scrubbed("POST", "jobs/1/annotations", b"hush \xff{", scrub) == b"*** \xff{"
