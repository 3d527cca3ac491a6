"""The delivery of a job's end, where the rest of the agent is not needed."""

import os
import threading

import pytest

from bkagent.agent.jobs import job_delivery
from bkagent.agent.jobs.job_files import JobFiles
from bkagent.agent.shutdown import Shutdown
from bkagent.remote.client import Client
from bkagent.spool import directory
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from bkagent.transport.timers import Timers
from tests.fakes.control_plane import PATIENCE_S


@pytest.mark.skipif(os.name == "nt", reason="no file is removed there while a process has it open")
def test_the_process_of_a_job_that_is_over_is_not_waited_for(plane, tmp_path, monkeypatch):
    monkeypatch.setattr(job_delivery, "_KILLED_WITHIN_S", None)
    job = plane.add_job("no matter")
    entry = directory.create(str(tmp_path / "spool"), JobManifest(job.id, plane.endpoint, "jt-" + job.id))
    entry.settle(Result(0, finished_at="2026-01-01T00:00:00Z"))
    client = Client(plane.endpoint, "jt-" + job.id, environ={}, user_agent="test")
    timers = Timers()
    delivery = job_delivery.JobDelivery(
        entry, client, JobFiles(entry.folder, job.id), Shutdown(), lambda *words: None, timers=timers
    )
    delivery.process_gone = threading.Event()
    delivering = threading.Thread(target=delivery.run, daemon=True)
    delivering.start()
    try:
        delivering.join(PATIENCE_S)
        assert not delivering.is_alive()
        assert job.finish["exit_status"] == "0" and not os.path.exists(entry.folder)
    finally:
        delivery.process_gone.set()
        timers.close()
        client.close()
