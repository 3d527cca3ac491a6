"""Options that every command has: what it says about its own work, and how."""

from bkagent.config.kinds import FLAG, LIST, Choice, Suggested
from bkagent.config.option import Option

NO_COLOR = Option("no-color", FLAG, False, env=("BUILDKITE_AGENT_NO_COLOR",), help="Print messages without colours.")
DEBUG = Option(
    "debug", FLAG, False, env=("BUILDKITE_AGENT_DEBUG",), help="Print debug messages, whatever --log-level says."
)
LOG_LEVEL = Option(
    "log-level",
    Suggested("debug", "notice", "info", "warn", "error", "fatal"),
    "notice",
    env=("BUILDKITE_AGENT_LOG_LEVEL",),
    help="Lowest level of message to print: debug, notice, info, warn, error or fatal.",
)
EXPERIMENT = Option(
    "experiment",
    LIST,
    (),
    env=("BUILDKITE_AGENT_EXPERIMENT",),
    help="Experiments to enable; repeat the flag or separate names with commas.",
)
PROFILE = Option(
    "profile",
    Choice("", "cpu", "mem", "memory", "mutex", "block", "thread", "trace"),
    "",
    env=("BUILDKITE_AGENT_PROFILE",),
    help="Accepted for compatibility; has no effect.",
)
LOG_FORMAT = Option(
    "log-format",
    Choice("text", "json"),
    "text",
    env=("BUILDKITE_LOG_FORMAT",),
    help="Format of the agent's own messages: text (on standard error) or json (lines on standard output).",
)

SHARED = (NO_COLOR, DEBUG, LOG_LEVEL, EXPERIMENT, PROFILE)
