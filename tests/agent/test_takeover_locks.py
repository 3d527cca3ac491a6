"""The spool is on NFS, whose lock daemon dies while an agent runs."""

import errno
import os
from types import SimpleNamespace

from bkagent.agent.jobs.takeover import Takeover
from bkagent.spool import directory
from bkagent.spool.manifest import JobManifest
from bkagent.system import file_lock


def test_an_entry_whose_locks_do_not_work_is_reported_once_and_taken_when_they_do(tmp_path, monkeypatch):
    spool, events = tmp_path / "spool", []
    for job_id in ("first", "second"):
        directory.create(str(spool), JobManifest(job_id, "http://127.0.0.1:9/v3", "token")).release()
    takeover = Takeover(SimpleNamespace(spool_path=str(spool), report=lambda *report: events.append(report)))
    try_lock, locks_work = file_lock.try_lock, []

    def try_lock_of_nfs(fd):
        if not locks_work:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        return try_lock(fd)

    monkeypatch.setattr(file_lock, "try_lock", try_lock_of_nfs)
    taken = []
    monkeypatch.setattr(takeover, "_take_over", lambda entry, session: taken.append(entry.job_id))
    for _ in range(2):
        takeover.scan()
    assert [(level, event) for level, _, event in events] == [("error", "takeover.deferred")] * 2
    assert f"{spool}/first in the spool cannot be taken over now" in events[0][1]
    assert "no working file locks" in events[0][1] and f"{spool}/second" in events[1][1]
    locks_work.append(True)
    takeover.scan()
    assert taken == ["first", "second"] and len(events) == 2
