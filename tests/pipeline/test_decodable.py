"""What the reference's agent cannot decode in a job is known before there is a job."""

import json
import os

import pytest

from bkagent.pipeline import decodable
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.steps import CommandStep, Pipeline

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "decodable-steps.json")


def is_decodable(document):
    try:
        decodable.check(Pipeline((CommandStep("step 1", document),)))
    except PipelineError as wrong:
        assert str(wrong).startswith("step 1: ")
        return False
    return True


@pytest.mark.parametrize(("kind", "expected"), [("decoded", True), ("refused", False)])
def test_recorded_steps(kind, expected):
    with open(VECTORS, encoding="utf-8") as file:
        documents = json.load(file)[kind]
    assert [document for document in documents if is_decodable(document) is not expected] == []
