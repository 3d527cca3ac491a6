"""Holds the bytes of a download against the MD5 that a store has of them, where no better checksum is known."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from bkagent.artifacts.digests import weak_digest
from bkagent.errors import Unreachable
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import FetchedHead, Receive
    from bkagent.transport.client.answer_reader import Sink


class Md5Check:
    """Passes one download on to who receives it."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._expected = receive, ""
        self._digest = weak_digest("md5")

    def open_sink(self, head: FetchedHead, expected: str) -> Sink:
        """Return what takes the bytes; `expected` is their checksum in base64, "" for none."""
        sink = self._receive(head)
        self._expected = expected
        if not expected:
            return sink

        def take(data: bytes) -> None:
            self._digest.update(data)
            sink(data)

        return take

    def check(self, name: str) -> None:
        """Raise Unreachable, which is tried again, for another checksum."""
        actual = base64.b64encode(self._digest.digest()).decode("ascii")
        if self._expected and actual != self._expected:
            raise Unreachable(
                f"{name}: the MD5 of what arrived is {actual}, and the store's is {one_line(self._expected)}"
            )
