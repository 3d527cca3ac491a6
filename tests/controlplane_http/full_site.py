"""A control plane that has everything its pages show: agents and jobs of every state, long names, a long log."""

from __future__ import annotations

import io
from typing import Any, Dict, List, Tuple

LONG = "a-name-without-any-blank-" * 6
LOG = "".join(
    [
        "~~~ Preparing the working directory\r\n", "\x1b_bk;t=1767225600000\x07$ git clone -v -- /repo.git .\r\n",
        "--- :hammer: Compile\r\n", *(f"[{number}/40] cc -O2 -c module_{number}.c\r\n" for number in range(1, 41)),
        "+++ :test_tube: Test\r\n", "\x1b[1mcollected 3 items\x1b[0m\r\n",
        "\x1b[32mPASSED\x1b[0m tests/test_a.py::test_first \x1b[2m(0.1 s)\x1b[0m\r\n",
        "\x1b[31mFAILED\x1b[0m tests/test_a.py::test_second\r\n", "x" * 700 + "\r\n",
        "".join(f"\x1b[{code}mcolour {code}\x1b[0m " for code in (*range(30, 38), *range(90, 98))) + "\r\n",
        "".join(f"\x1b[{code}m on {code} \x1b[0m" for code in (*range(40, 48), *range(100, 108))) + "\r\n",
        "".join(f"\x1b[38;5;{code}m{code}\x1b[0m " for code in range(256)) + "\r\n",
        "".join(f"\x1b[48;5;{code}m{code}\x1b[0m" for code in range(256)) + "\r\n",
        "\x1b]8;;https://example.test/report\x07the report\x1b]8;;\x07 has more, \x1b[30;43m warning \x1b[0m\r\n",
    ]
)  # fmt: skip
NOTE = """# Tests

3 of 120 tests failed, see the [report](artifact://report/index.html) and `tests/test_a.py`.

| test | time | message |
|------|-----:|---------|
| `test_second_with_a_rather_long_name_that_goes_on_and_on` | **1.2 s** | expected 1, got 2 |

#### What to do

> Run them again.

<details><summary>The output of the first failure</summary>

```term
\x1b[31mAssertionError\x1b[0m: \x1b[90mtests/test_a.py:12\x1b[0m
```

</details>
<p class="term-fg33">A line in yellow</p>
"""
BLOCK = {
    "block": ":rocket: Release", "key": "release", "prompt": "All tests have passed.\nRelease this build?",
    "fields": [
        {"text": "Version", "key": "version", "hint": "As in 1.2.3", "format": "[0-9.]+"},
        {"text": "Notes", "key": "notes", "required": False, "default": "First line\nsecond line"},
        {"select": "Stream", "key": "stream", "options": [{"label": "Beta", "value": "b"}]},
        {"select": "Regions", "key": "regions", "multiple": True, "required": False, "default": ["eu"],
         "options": [{"label": name, "value": value} for name, value in (("Europe", "eu"), ("Asia", "as"))]},
    ],
}  # fmt: skip


class FullSite:
    """The pages of a filled control plane by what they show, each with its path."""

    def __init__(self, desk: Any) -> None:
        self.desk, self.plane = desk, desk.plane
        self.paths: Dict[str, str] = {}
        self._add_ended()
        agents = self._add_agents()
        self._add_running(agents[0])
        self._add_waiting()
        self.paths.update(
            builds="/", pipeline="/local/demo", agents="/-/agents", agent=f"/-/agents/{self.agent_id}",
            queues="/-/queues", missing="/local/demo/builds/999", login="/-/login",
        )  # fmt: skip

    def _add_ended(self) -> None:
        agent = self.desk.registered(name="builder-0", hostname="host-0")
        for number, status in enumerate(("0", "1", "0")):
            details = {
                "message": ("Fix :bug: in parser", LONG, "")[number],
                "branch": ("main", "feature/" + LONG, "main")[number],
            }
            self.desk.build(
                {"command": "make", "label": ":hammer: Build"}, {"wait": None}, {"command": "make check"}, **details
            )
            job_id, job = self.desk.running_job(agent)
            self.desk.log(job, job_id, 1, 0, b"--- One\r\nline\r\n--- Two\r\nline\r\n")
            job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": status, "finished_at": "2026-01-01T00:01:05Z"})
            if number == 0:
                self.paths["ended job"] = f"/local/demo/builds/1/jobs/{job_id}"
        self.paths["failed build"] = "/local/demo/builds/2"
        agent.call("POST", "/disconnect")

    def _add_agents(self) -> List[Any]:
        linux = ["queue=linux", "os=linux", "arch=amd64", "docker=true", "instance-type=c7g.4xlarge"]
        agents = [self.desk.registered(name="builder-1", hostname="host-1.example.test", os="linux", meta_data=linux)]
        agents.append(self.desk.registered(name="builder-2", hostname="host-2", meta_data=linux))
        agents.append(
            self.desk.registered(name=LONG, hostname=LONG, version=LONG, meta_data=[LONG + "=" + LONG, *linux])
        )
        for name in ("paused", "stopping", "lost"):
            agents.append(self.desk.registered(name=name, hostname=name, meta_data=["queue=" + name]))
        ids = {agent.name: agent.id for agent in self.plane.sessions.find()}
        self.plane.sessions.pause(ids["paused"], note="the disk is being replaced", by="ann@example.test")
        self.plane.sessions.stop(ids["stopping"])
        self.agent_id, self.idle_id = ids["builder-1"], ids["builder-2"]
        ledger = self.plane.ledger
        with ledger.change() as now:
            ledger.set_agent(ledger.agent(ids["lost"]), state="lost", lost_at=now)
        return agents

    def _add_running(self, agent: Any) -> None:
        queue = {"agents": {"queue": "linux"}}
        tests = [{"command": "x", "label": f"Test {name}", **queue} for name in (1, 2, LONG)]
        steps: List[Any] = [
            {"command": "make", "label": ":hammer: Compile", "key": "compile", **queue},
            {"group": "Tests on all systems", "steps": tests},
            {"command": "lint", "label": "Lint on the mainframe", "agents": {"queue": "linux", "os": "zos"}},
            {"command": "a", "label": "Deploy one", "concurrency": 1, "concurrency_group": "deploy", **queue},
            {"command": "b", "label": "Deploy two", "concurrency": 1, "concurrency_group": "deploy", **queue},
            {"command": "c", "label": "After compiling", "depends_on": "compile", **queue},
            {"wait": None},
            {"command": "d", "label": "After the wait", **queue},
        ]  # fmt: skip
        self.desk.build(
            *steps, message="Make the compiler faster", branch="main", author={"name": "Ann", "email": "a@b.c"}
        )
        job_id, job = self.desk.running_job(agent)
        assert self.desk.log(job, job_id, 1, 0, LOG.encode())[0] < 300
        job.call("POST", f"/jobs/{job_id}/annotations", {"body": NOTE, "style": "error", "context": "tests"})
        job.call("POST", f"/jobs/{job_id}/annotations", {"body": "Coverage: **81 %**", "style": "info", "context": "a"})
        job.call(
            "POST", f"/jobs/{job_id}/annotations", {"body": "Slow", "style": "warning", "context": "b", "scope": "job"}
        )
        entries = [{"path": path, "file_size": 3000} for path in ("report/index.html", "logs/" + LONG + ".txt")]
        answer = job.call("POST", f"/jobs/{job_id}/artifacts", {"id": "b", "artifacts": entries})[1]
        for id in answer["artifact_ids"]:
            self.plane.artifacts.store(id, io.BytesIO(bytes(3000)).read)
        self.plane.artifacts.update(job_id, dict.fromkeys(answer["artifact_ids"], "finished"))
        self.running: Tuple[str, Any] = (job_id, job)
        self.paths["running build"], self.paths["running job"] = (
            "/local/demo/builds/4",
            f"/local/demo/builds/4/jobs/{job_id}",
        )

    def _add_waiting(self) -> None:
        build = self.desk.build(BLOCK, {"command": "release", "label": "Publish"}, message="Release 1.2.3")
        self.paths["blocked build"] = f"/local/demo/builds/{build.number}"
        build = self.desk.build({"command": "x", "label": "Shard", "parallelism": 400}, message="Many jobs")
        self.paths["large build"] = f"/local/demo/builds/{build.number}"
