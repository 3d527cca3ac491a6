"""Options of `start` that say who the agent is and when it leaves."""

from bkagent.config.kinds import FILE_PATH, FLAG, LIST, TEXT, WHOLE, Choice
from bkagent.config.option import Option

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
    help="Folder for what must outlive the agent; by default .buildkite-agent/bkagent in the home folder.",
)
NAME = Option(
    "name",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_NAME",),
    help="Name of the agent; %spawn in it becomes the number of the worker, from 1.",
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
    help="Run this one job and leave.",
)
REFLECT_EXIT_STATUS = Option(
    "reflect-exit-status",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_REFLECT_EXIT_STATUS",),
    help="With --acquire-job, end with the exit status of the job.",
)
DISCONNECT_AFTER_JOB = Option(
    "disconnect-after-job",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_DISCONNECT_AFTER_JOB",),
    help="Leave after one job; each worker counts its own.",
)
DISCONNECT_AFTER_IDLE = Option(
    "disconnect-after-idle-timeout",
    WHOLE,
    0,
    env=("BUILDKITE_AGENT_DISCONNECT_AFTER_IDLE_TIMEOUT",),
    help="Leave when no worker had a job for this many seconds; 0 for never.",
)
DISCONNECT_AFTER_UPTIME = Option(
    "disconnect-after-uptime",
    WHOLE,
    0,
    env=("BUILDKITE_AGENT_DISCONNECT_AFTER_UPTIME",),
    help="Take no job after this many seconds, and leave; 0 for never.",
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
SPAWN = Option("spawn", WHOLE, 1, env=("BUILDKITE_AGENT_SPAWN",), help="How many workers to run.")
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
    help="How work arrives: auto, poll-only (or ping-only) or stream-only.",
)
NO_FEATURE_REPORTING = Option(
    "no-feature-reporting",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_NO_FEATURE_REPORTING",),
    help="Do not tell the control plane which features are in use.",
)

SESSION = (
    CONFIG, STATE_PATH, NAME, PRIORITY, ACQUIRE_JOB, REFLECT_EXIT_STATUS, DISCONNECT_AFTER_JOB,
    DISCONNECT_AFTER_IDLE, DISCONNECT_AFTER_UPTIME, QUEUE, TAGS, TAGS_FROM_HOST, SPAWN, SPAWN_PER_CPU,
    SPAWN_WITH_PRIORITY, PING_MODE, NO_FEATURE_REPORTING,
)  # fmt: skip
