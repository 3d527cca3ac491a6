"""How a running job is asked to end, where the rest of the agent is not needed."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from bkagent.agent.jobs.job_canceller import JobCanceller
from bkagent.config.launching.self_command import code_root
from bkagent.spool import directory
from bkagent.spool.manifest import JobManifest
from bkagent.spool.shared_files import CANCEL

TAKES_ENTRY = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from bkagent.spool.job_entry import attach
os.setpgid(0, 0)
entry = attach(sys.argv[2], call_later=lambda delay_s, task: None)
print("has it", flush=True)
signal.pause()
"""


@pytest.mark.skipif(os.name == "nt", reason="its processes are asked by an event that only a job's process waits for")
def test_a_job_is_asked_to_end_before_any_thread_is_started(tmp_path, monkeypatch):
    """A thread's start takes longer than the rest, and a system may have no further one."""
    entry = directory.create(str(tmp_path / "spool"), JobManifest("j", "http://127.0.0.1:1", "jt-j"))
    canceller = JobCanceller(entry, lambda *words: None)
    argv = [sys.executable, "-I", "-S", "-c", TAKES_ENTRY, code_root(), entry.folder]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"has it\n"

            def refuse(self):
                raise RuntimeError("can't start new thread")

            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", refuse)
                with pytest.raises(RuntimeError):
                    canceller.cancel(CANCEL)
            assert process.wait(20) == -signal.SIGTERM
        finally:
            process.kill()
            canceller.close()
            entry.release()
    assert entry.cancel_reason() == CANCEL
