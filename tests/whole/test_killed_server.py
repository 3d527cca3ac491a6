"""A server that is killed while logs stream in: what it has acknowledged is there when it is back."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.whole.agent_caller import Caller
from tests.whole.log_senders import send_until_cut, start_senders
from tests.whole.running import wait_until
from tests.whole.site import Site

JOBS_COUNT = 8


def test_acknowledged_chunks_outlive_kills(archive: str, tmp_path: Path) -> None:
    with Site(archive, tmp_path) as site:
        build, senders = start_senders(Caller(site), JOBS_COUNT)
        for kill in range(1, 3):
            threads = send_until_cut(site, senders)
            # Not all at the same chunk, as none waits for the others.
            assert wait_until(lambda kill=kill: sum(sender.count for sender in senders) >= 150 * kill), site.server.said
            site.server.signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
            site.server.wait()
            site.restart("127.0.0.1:0")
            caller = Caller(site)
            for sender in senders:
                assert not sender.failures
                assert sender.kept(caller, build).startswith(sender.acknowledged), sender.job_id
                assert sender.send_chunk(caller) < 300  # perhaps for the second time
        for sender in senders:
            sender.finish(caller)
            assert sender.kept(caller, build) == sender.acknowledged
        assert caller.shown(build)["state"] == "passed"
