"""The keys of the agent's messages: alerts are made on them, so a key that goes or changes must be noticed."""

import ast
import json
from pathlib import Path
from typing import Iterator, List, Tuple

from bkagent.wire.log_events import EVENTS, with_event

TOP = Path(__file__).resolve().parents[2]
REPORTERS = (
    *sorted(TOP.glob("bkagent/agent/**/*.py")), *sorted(TOP.glob("bkagent/logs/**/*.py")),
    *sorted(TOP.glob("bkagent/localapi/leader/*.py")), *sorted(TOP.glob("bkagent/warm/*.py")),
    *sorted(TOP.glob("bkagent/cli/start/*.py")), *sorted(TOP.glob("bkagent/cli/service/*.py")),
    TOP / "bkagent" / "cli" / "commands" / "start.py",
)  # fmt: skip
# What reaches the agent's log from elsewhere: files that belong to every command.
SHARED = (TOP / "bkagent" / "cli" / "main.py", TOP / "bkagent" / "cli" / "defects.py")
REPORTS = ("report", "_report")


def reports(path: Path) -> "Iterator[Tuple[int, List[ast.expr]]]":
    """Yield the line and the arguments of each call of a report, or of `with_event`, in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in REPORTS and len(node.args) >= 2:
            yield node.lineno, node.args[2:]
        elif name == "with_event":
            yield node.lineno, node.args[1:]


def keys(path: Path) -> "Iterator[Tuple[int, str]]":
    """Yield the line and the key of each; "" for one that has none, and nothing for one that passes a key on."""
    for line, arguments in reports(path):
        if not arguments:
            yield line, ""
        elif isinstance(arguments[0], ast.Constant):
            yield line, str(arguments[0].value)


def test_every_message_of_the_agent_has_a_key_of_the_table() -> None:
    unknown = [f"{path}:{line}: {key!r}" for path in REPORTERS for line, key in keys(path) if key not in EVENTS]
    assert unknown == []


def test_every_key_of_the_table_is_in_use() -> None:
    used = {key for path in (*REPORTERS, *SHARED) for _, key in keys(path)}
    assert set(EVENTS) - used == set()


def test_the_keys_are_those_that_alerts_were_made_on() -> None:
    """A key that is renamed or taken away belongs into the changelog, and then into this file."""
    assert sorted(EVENTS) == json.loads((TOP / "tests" / "data" / "log_events.json").read_text(encoding="utf-8"))


def test_a_key_of_a_messages_own_stands_before_a_general_one() -> None:
    seen: "List[Tuple[str, str, str]]" = []

    def report(level: str, text: str, event: str = "") -> None:
        seen.append((level, text, event))

    with_event(report, "control_plane.retry")("warn", "a", "heartbeat.failed")
    with_event(report, "control_plane.retry")("warn", "b")
    assert seen == [("warn", "a", "heartbeat.failed"), ("warn", "b", "control_plane.retry")]


def test_each_line_of_a_json_log_has_its_key_and_a_line_of_text_has_none(plane, start, tmp_path) -> None:
    plane.add_job("echo hello", env={"BUILDKITE_AGENT_DEBUG": "true"})
    agent = start("--log-format", "json", "--debug", "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    lines = [json.loads(line) for line in agent.said.splitlines()]
    assert [line for line in lines if line.get("event") not in EVENTS] == []
    seen = {line["event"] for line in lines}
    assert {"agent.registered", "worker.connected", "job.starting", "job.process_started", "job.finished"} <= seen

    plane.add_job("echo hello")
    agent = start("--disconnect-after-job", root=tmp_path / "text")
    assert agent.wait() == 0 and "Starting job" in agent.said and "job.starting" not in agent.said
