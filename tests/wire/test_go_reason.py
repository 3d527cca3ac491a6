"""Why a system call failed, as sentences of the reference say it."""

import pytest

from bkagent.wire.go_reason import reason_of


@pytest.mark.parametrize(
    "problem, reason",
    [
        (FileNotFoundError(2, "No such file or directory", "x"), "no such file or directory"),
        (OSError("the disk is gone"), "the disk is gone"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
)
def test_the_reason_is_the_systems_in_lower_case_or_the_whole_text(problem, reason):
    assert reason_of(problem) == reason
