"""Options of `start` that say who the agent is and when it leaves."""

from bkagent.config.kinds import FILE_PATH, FLAG, LIST, TEXT, WHOLE, Choice
from bkagent.config.option import Option
from bkagent.config.options.job import AGENT_NAME_VARIABLE

CONFIG = Option(
    "config",
    FILE_PATH,
    "",
    env=("BUILDKITE_AGENT_CONFIG",),
    in_file=False,
    help="Configuration file to read.",
)
STATE_PATH = Option(
    "state-path",
    FILE_PATH,
    "",
    env=("BKAGENT_STATE_PATH",),
    help="Folder for what outlives the agent (logs, results); .buildkite-agent/bkagent in the home folder by default.",
)
NAME = Option(
    "name",
    TEXT,
    "",
    env=(AGENT_NAME_VARIABLE,),
    help="Name of the agent; %spawn is replaced with the number of the worker, from 1.",
)
PRIORITY = Option(
    "priority",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_PRIORITY",),
    help="Agents with a higher priority get jobs first.",
)
ACQUIRE_JOB = Option(
    "acquire-job",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_ACQUIRE_JOB",),
    help="Run only this job, then disconnect.",
)
REFLECT_EXIT_STATUS = Option(
    "reflect-exit-status",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_REFLECT_EXIT_STATUS",),
    help="With --acquire-job, exit with the exit status of the job.",
)
DISCONNECT_AFTER_JOB = Option(
    "disconnect-after-job",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_DISCONNECT_AFTER_JOB",),
    help="Disconnect after one job; each worker counts its own.",
)
DISCONNECT_AFTER_IDLE = Option(
    "disconnect-after-idle-timeout",
    WHOLE,
    0,
    env=("BUILDKITE_AGENT_DISCONNECT_AFTER_IDLE_TIMEOUT",),
    help="Disconnect when all workers have been idle for this many seconds; 0 for never.",
)
DISCONNECT_AFTER_UPTIME = Option(
    "disconnect-after-uptime",
    WHOLE,
    0,
    env=("BUILDKITE_AGENT_DISCONNECT_AFTER_UPTIME",),
    help="After this many seconds take no further job and disconnect; 0 for never.",
)
QUEUE = Option("queue", TEXT, "", env=("BUILDKITE_AGENT_QUEUE",), help="Queue to take jobs from: the tag queue=VALUE.")
TAGS = Option("tags", LIST, (), env=("BUILDKITE_AGENT_TAGS",), help="Tags of the agent, such as docker=true.")
TAGS_FROM_HOST = Option(
    "tags-from-host",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_TAGS_FROM_HOST",),
    help="Add the tags hostname, os, arch and machine-id.",
)
SPAWN = Option(
    "spawn",
    WHOLE,
    1,
    env=("BUILDKITE_AGENT_SPAWN",),
    help="How many agents (workers) to run in this process.",
)
SPAWN_PER_CPU = Option(
    "spawn-per-cpu",
    WHOLE,
    0,
    env=("BUILDKITE_AGENT_SPAWN_PER_CPU",),
    help="How many workers to run for each processor.",
)
SPAWN_WITH_PRIORITY = Option(
    "spawn-with-priority",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_SPAWN_WITH_PRIORITY",),
    help="Give each worker its number as its priority.",
)
PING_MODE = Option(
    "ping-mode",
    Choice("auto", "poll-only", "ping-only", "stream-only"),
    "auto",
    env=("BUILDKITE_AGENT_PING_MODE",),
    help="How the agent learns of work: auto, poll-only (or ping-only) or stream-only.",
)
AGENT_API = Option(
    "agent-api",
    FLAG,
    False,
    env=("BKAGENT_AGENT_API",),
    help="Take part in the Agent API, which locks of this machine's jobs need; the experiment agent-api does the same.",
)
NO_FEATURE_REPORTING = Option(
    "no-feature-reporting",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_NO_FEATURE_REPORTING",),
    help="Do not report to the control plane which features are in use.",
)

# Every one that is named above.
SESSION = tuple(value for value in globals().copy().values() if isinstance(value, Option))
