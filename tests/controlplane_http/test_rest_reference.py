"""docs/rest-api.md lists every request of the REST API, with its scope."""

import os
import re

from bkagent.controlplane.web.rest_api import _MODULES, identity

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "rest-api.md")
SHORT = {
    "/v2/organizations/{org}/pipelines/{pipeline}/builds/{number}/jobs/{job}": "JOB",
    "/v2/organizations/{org}/pipelines/{pipeline}/builds/{number}": "BUILD",
    "/v2/organizations/{org}/jobs/{job}": "JOB",
    "/v2/organizations/{org}": "ORG",
}


def shortened(pattern: str) -> str:
    start = next((start for start in SHORT if pattern.startswith(start)), "")
    return SHORT.get(start, "") + pattern[len(start) :]


def test_the_page_lists_every_request_and_its_scope() -> None:
    served = {(f"{method} {pattern}", "none, and no token") for method, pattern, _ in identity.OPEN_ROUTES}
    for module in _MODULES:
        for method, pattern, _, scope in module.ROUTES:
            served.add((f"{method} {shortened(pattern)}", f"`{scope}`" if scope else "none"))
    with open(PAGE, encoding="utf-8") as file:
        listed = set(re.findall(r"^\| `([A-Z]+ [^`]+)` \| (.+) \|$", file.read(), re.MULTILINE))
    assert listed == served


def test_every_call_about_a_job_is_there_inside_its_build_and_by_the_job_alone() -> None:
    inside, alone = [start for start, name in SHORT.items() if name == "JOB"]
    patterns = {(method, pattern) for module in _MODULES for method, pattern, _, _ in module.ROUTES}
    for method, pattern in patterns:
        for start, other in ((inside, alone), (alone, inside)):
            if pattern.startswith(start):
                assert (method, other + pattern[len(start) :]) in patterns
