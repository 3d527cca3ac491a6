"""A server whose disk is full: what needs space is refused until there is some, and nothing that was taken is lost."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Iterator

import pytest

from tests.fakes.small_disk import fill, small_disk
from tests.whole.agent_caller import Caller
from tests.whole.log_senders import start_senders
from tests.whole.running import bkagent
from tests.whole.site import Site

FULL = (507, {"message": "the disk of the server is full; try again later"})


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, 8 << 20) as folder:
        yield folder


def test_a_server_goes_on_when_its_full_disk_has_space_again(archive: str, disk: Path) -> None:
    with Site(archive, disk) as site:
        caller = Caller(site)
        build, senders = start_senders(caller, 3)
        for sender in senders:
            assert sender.send_chunk(caller) == 201
        fill(disk / "filler")
        for sender in senders * 2:
            assert sender.send_chunk(caller, 100_000) == 507
        first, job = senders[0], f"/v3/jobs/{senders[0].job_id}"
        assert caller.call("PUT", f"{job}/finish", first.token, {"exit_status": "0"}) == FULL
        assert caller.call("POST", f"{job}/data/set", first.token, {"key": "a", "value": "b" * 9000}) == FULL
        # Agents and jobs that only say that they live are heard, and told what there is to do.
        assert caller.call("GET", "/v3/ping", first.session)[0] == 200
        assert caller.call("POST", "/v3/heartbeat", first.session, {"sent_at": "2026-01-01T00:00:00Z"})[0] == 200
        assert caller.call("GET", job, first.token) == (200, {"state": "running"})
        assert first.kept(caller, build) == first.acknowledged
        (line,) = site.server.said.splitlines()[4:]
        assert f"The disk of the data folder {disk / 'data'} is full: cannot write the log" in line
        (disk / "filler").unlink()
        for sender in senders:
            assert sender.send_chunk(caller) == 201
            sender.finish(caller)
            assert sender.kept(caller, build) == sender.acknowledged
        assert caller.shown(build)["state"] == "passed"


def test_a_server_that_is_killed_while_its_disk_is_full_starts_when_there_is_space(archive: str, disk: Path) -> None:
    with Site(archive, disk) as site:
        caller = Caller(site)
        build, (sender,) = start_senders(caller, 1)
        assert sender.send_chunk(caller) == 201
        fill(disk / "filler")
        assert sender.send_chunk(caller, 100_000) == 507
        site.server.signal(signal.SIGKILL)
        site.server.wait()
        words = ("server", "--data", str(disk / "data"), "--listen", "127.0.0.1:0")
        refused = bkagent(archive, *words, cwd=disk, env={"HOME": str(disk.parent)})
        assert refused.status == 1 and "Traceback" not in refused.err, refused.text
        assert "No space left on device" in refused.err or "disk is full" in refused.err
        (disk / "filler").unlink()
        site.restart("127.0.0.1:0")
        caller = Caller(site)
        assert sender.send_chunk(caller) == 201
        sender.finish(caller)
        assert sender.kept(caller, build) == sender.acknowledged
