"""The locks as a whole: what one leader hands to the next, and what happens without any request."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Callable, List, Tuple

import pytest

from bkagent.localapi.leader.lock_service import LockService
from bkagent.system import boot
from bkagent.wire.lock_protocol import ACQUIRE, BEGIN, LOCK
from tests.localapi.leader.lock_site import ServedSocket
from tests.localapi.leader.test_holder_watch import hold
from tests.localapi.leader.test_lock_routes import begin_to_ask, document_of, value_of, wait_for_waiters

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")


class Term(ServedSocket):
    """One term of a leader in a folder of sockets."""

    def __init__(self, folder: Path, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.reports: List[Tuple[str, ...]] = []
        self.service = LockService(str(folder), lambda *about: self.reports.append(about), clock_ns)
        self.service.lead()
        super().__init__(str(folder), self.service.answer, lambda *about: self.reports.append(about))

    def stop(self) -> None:
        self.service.close()
        super().stop()
        assert not self.reports or not boot.boot_id()


def test_a_time_ends_without_any_request(tmp_path: Path) -> None:
    term = Term(tmp_path)
    try:
        assert term.post(ACQUIRE, key="long", token="t", ttl_ms=3_600_000, wait_ms=0)[0] == 200
        assert term.post(ACQUIRE, key="k", token="t", ttl_ms=50, wait_ms=0)[0] == 200
        assert document_of(begin_to_ask(term, ACQUIRE, key="k", token="u")) == {"acquired": True, "value": "u"}
        assert value_of(term, "long") == "t"
    finally:
        term.stop()


@pytest.mark.skipif(not boot.boot_id(), reason="no boot id, so no journal")
def test_the_next_leader_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    job = hold(tmp_path / "alive")
    try:
        about = {"alive": str(tmp_path / "alive")}
        term = Term(tmp_path)
        term.post(ACQUIRE, key="k", token="t", holder=about, wait_ms=0)
        term.post(ACQUIRE, key="unbound", token="t", wait_ms=0)
        term.post(ACQUIRE, key="timed", token="t", ttl_ms=100, wait_ms=0)
        term.post(BEGIN, key="once", wait_ms=0)
        term.ask("PATCH", f"{LOCK}?key=once", b'{"old":"doing","new":"done"}')
        waiting = begin_to_ask(term, ACQUIRE, key="k", token="u")
        wait_for_waiters(term, "k", 1)
        term.stop()
        assert document_of(waiting)["moved"]

        term = Term(tmp_path)
        assert [value_of(term, key) for key in ("k", "unbound", "once")] == ["t", "t", "done"]
        waiting = begin_to_ask(term, ACQUIRE, key="k", token="u")
        wait_for_waiters(term, "k", 1)
        job.kill()
        assert document_of(waiting) == {"acquired": True, "value": "u"}
        assert document_of(begin_to_ask(term, ACQUIRE, key="timed", token="u")) == {"acquired": True, "value": "u"}
        # Another program leads for a while: it has begun without locks.
        term.service.follow()
        term.service.lead()
        assert [value_of(term, key) for key in ("k", "unbound", "once")] == ["", "", "done"]
        term.stop()
    finally:
        job.kill()
        job.communicate()
