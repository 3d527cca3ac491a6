"""Jobs of a served control plane that take a log, and what was acknowledged of it: an agent's part of it, by hand."""

from __future__ import annotations

import gzip
import http.client
import random
import threading
from typing import Any, List, Tuple

from tests.whole.agent_caller import Caller
from tests.whole.site import Site


class LogSender:
    """A running job whose log is sent chunk by chunk; `acknowledged` are the bytes that the server has taken."""

    def __init__(self, caller: Caller, job_id: str, seed: int) -> None:
        agent = {"name": f"a{seed}", "hostname": "h", "os": "linux", "arch": "amd64", "version": "3", "build": "x"}
        _, registered = caller.call("POST", "/v3/register", caller.registration, agent)
        self.session = registered["access_token"]
        caller.call("POST", "/v3/connect", self.session)
        status, job = caller.call("PUT", f"/v3/jobs/{job_id}/acquire", self.session)
        assert status == 200, job
        self.job_id, self.token = job_id, job["token"]
        status, answer = caller.call("PUT", f"/v3/jobs/{job_id}/start", self.token, {})
        assert status == 200, answer
        self._chance, self._pending = random.Random(seed), b""
        self.acknowledged, self.count = b"", 0
        self.failures: List[Any] = []

    def send_chunk(self, caller: Caller, most_bytes: int = 20_000) -> int:
        """Send the next chunk, or again the one that was not acknowledged; return the status."""
        size = self._chance.randrange(1, most_bytes)
        self._pending = self._pending or b"%x\n" % self._chance.getrandbits(8 * size)
        query = f"sequence={self.count + 1}&offset={len(self.acknowledged)}&size={len(self._pending)}"
        body = gzip.compress(self._pending, 1)
        status, _ = caller.call(
            "POST", f"/v3/jobs/{self.job_id}/chunks?{query}", self.token, body=body, Content_Encoding="gzip"
        )
        if status < 300:
            self.acknowledged, self.count, self._pending = self.acknowledged + self._pending, self.count + 1, b""
        else:
            self.failures.append(status)
        return status

    def finish(self, caller: Caller) -> None:
        """Report that the job has passed."""
        status, answer = caller.call("PUT", f"/v3/jobs/{self.job_id}/finish", self.token, {"exit_status": "0"})
        assert status == 200, answer

    def kept(self, caller: Caller, build: Any) -> bytes:
        """Return the log as the REST API gives it."""
        path = f"/v2/organizations/local/pipelines/{build['pipeline']['slug']}/builds/{build['number']}"
        status, log = caller.call("GET", f"{path}/jobs/{self.job_id}/log.txt", caller.api, scheme="Bearer")
        assert status == 200, log
        assert isinstance(log, bytes)
        return log


def start_senders(caller: Caller, count: int) -> Tuple[Any, List[LogSender]]:
    """Return a new build of so many jobs, all of them running, and their senders."""
    build = caller.build("logs", {"command": "true", "parallelism": count})
    return build, [LogSender(caller, job["id"], seed) for seed, job in enumerate(build["jobs"])]


def send_until_cut(site: Site, senders: List[LogSender]) -> List[threading.Thread]:
    """Send all logs side by side, until the server is gone."""

    def send(sender: LogSender) -> None:
        caller = Caller(site)
        try:
            while sender.send_chunk(caller) < 300:
                pass
        except (OSError, http.client.HTTPException):
            pass  # the server was killed

    threads = [threading.Thread(target=send, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    return threads
