"""Ranges: the part that a header asks for, or the error that names why not."""

import pytest

from bkagent.transport.server.byte_range import read_range
from bkagent.transport.server.request_head import HttpError


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", None),
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 10)),
        ("bytes=-7", (93, 7)),
        ("bytes=-500", (0, 100)),
        ("bytes=50-500", (50, 50)),
        ("Bytes = 3-3", (3, 1)),
        ("bytes=1-2,5-6", None),
    ],
)
def test_the_part_asked_for(header: str, part: object) -> None:
    assert read_range(header, 100) == part


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("lines=1-2", 400),
        ("bytes", 400),
        ("bytes=-", 400),
        ("bytes=a-b", 400),
        ("bytes=5-4", 400),
        ("bytes=--5", 400),
        ("bytes=100-", 416),
        ("bytes=100-200", 416),
        ("bytes=-0", 416),
        ("bytes=9999999999999999999-", 400),
    ],
)
def test_a_part_that_cannot_be_had(header: str, status: int) -> None:
    with pytest.raises(HttpError) as refused:
        read_range(header, 100)
    assert refused.value.status == status
