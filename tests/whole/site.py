"""A site of one's own from the archive: `bkagent server`, `bkagent start`, `bkagent build create`, the REST API."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from tests.fakes.installed_archive import program_of
from tests.whole.running import Done, Repository, Running, bkagent, wait_until

_STAMP = re.compile("\x1b_bk;t=\\d+\x07")
FINAL = ("passed", "failed", "canceled", "not_run")


class Site:
    """A server, with flags of its own, and the agents that a test starts. End it with `with`."""

    def __init__(self, archive: str, folder: Path, *server_flags: str, listen: str = "127.0.0.1:0") -> None:
        self._archive, self.folder, self._server_flags = archive, folder, server_flags
        self.agents: List[Running] = []
        self.restart(listen)

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_: object) -> None:
        for running in [*self.agents, self.server]:
            running.__exit__()

    def restart(self, listen: str) -> None:
        """Start the server, at first or after it has ended."""
        words = ["server", "--data", str(self.folder / "data"), "--listen", listen, *self._server_flags]
        self.server = Running([*program_of(self._archive), *words], self.folder, self.folder / "server.txt")
        shown = "tokens/api\n" if "--open-pages" in self._server_flags else "/-/login?token="
        assert self.server.wait_said(shown), self.server.said
        self.url, self.agent_token, self.api_token, self.login_url = self.server.said.split("\n")[:4]
        self._browser: Optional[urllib.request.OpenerDirector] = None

    def agent(self, *flags: str) -> Running:
        """Start an agent on the server and return it once it waits for work."""
        words = [
            "start", "--endpoint", self.url + "/v3", "--token", "file://" + self.agent_token, "--no-color",
            "--build-path", str(self.folder / "b"), "--sockets-path", str(self.folder / "s"), *flags,
        ]  # fmt: skip
        said = self.folder / f"agent-{len(self.agents)}.txt"
        self.agents.append(Running([*program_of(self._archive), *words], self.folder, said))
        assert self.agents[-1].wait_said("Waiting for instructions"), self.agents[-1].said
        return self.agents[-1]

    def create(self, pipeline: str, *more: str, repository: Optional[Repository] = None) -> Done:
        """Create a build from the text of a pipeline."""
        where = str(repository.folder) if repository else str(self.folder / "nowhere.git")
        words = ["--data", str(self.folder / "data"), "--pipeline", "app", "--file", "-", "--repository", where, *more]
        return bkagent(self._archive, "build", "create", *words, cwd=self.folder, stdin=pipeline)

    def rest(self, path: str, method: str = "GET") -> Any:
        """Ask the REST API; return the document. Paths start behind /v2/organizations/local."""
        with open(self.api_token, encoding="ascii") as file:
            headers = {"Authorization": "Bearer " + file.read().strip()}
        url = f"{self.url}/v2/organizations/local{path}"
        request = urllib.request.Request(url, headers=headers, method=method, data=b"" if method != "GET" else None)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def page(self, path: str) -> Tuple[int, str]:
        """Fetch a web page as a person who has logged in by the printed link; return status and text."""
        if self._browser is None:
            self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            self._browser.open(self.login_url, timeout=30).close()
        try:
            with self._browser.open(self.url + path, timeout=30) as answer:
                return answer.status, answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8")

    def build(self, number: int = 1) -> Any:
        return self.rest(f"/pipelines/app/builds/{number}")

    def ended(self, number: int = 1) -> Any:
        """Wait until a build has ended; return it."""
        assert wait_until(lambda: self.build(number)["state"] in FINAL), self._why(number)
        return self.build(number)

    def jobs(self, number: int = 1) -> Dict[str, Any]:
        """Return the command jobs of a build by label."""
        return {job["name"]: job for job in self.build(number)["jobs"] if job["type"] == "script"}

    def log(self, label: str, number: int = 1) -> str:
        """Return a job's log as the REST API gives it, without time codes and with plain ends of lines."""
        job = self.jobs(number)[label]
        text = self.rest(f"/pipelines/app/builds/{number}/jobs/{job['id']}/log")["content"]
        return _STAMP.sub("", text).replace("\r\n", "\n")

    def _why(self, number: int) -> str:
        return json.dumps(self.build(number), indent=1) + "".join(agent.said for agent in self.agents)
