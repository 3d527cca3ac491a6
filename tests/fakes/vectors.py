"""What was recorded of the reference's functions, inputs and outputs: the files of tests/data/vectors."""

import json
import os
from typing import Any, Dict, List

import pytest

FOLDER = os.path.join(os.path.dirname(__file__), "..", "data", "vectors")


def of(file: str, *kinds: str) -> "List[Any]":
    """Return the cases of `file`.json whose names start with one of `kinds`, each as a parameter with its name."""
    with open(os.path.join(FOLDER, file + ".json"), encoding="utf-8") as opened:
        cases = json.load(opened)["cases"]
    found = [case for case in cases if not kinds or case["name"].split("-")[0] in kinds]
    assert found, f"{file} has no cases of {kinds}"
    return [pytest.param(case, id=case["name"]) for case in found]


def about(file: str) -> "Dict[str, Any]":
    """Return what the cases of `file`.json share."""
    with open(os.path.join(FOLDER, file + ".json"), encoding="utf-8") as opened:
        shared: "Dict[str, Any]" = json.load(opened)["about"]
    return shared
