"""Options that say which control plane to talk to, and as whom."""

from bkagent.config.kinds import FLAG, SECRET, TEXT
from bkagent.config.option import Option

DEFAULT_ENDPOINT = "https://agent-edge.buildkite.com/v3"

TOKEN = Option(
    "token",
    SECRET,
    "",
    env=("BUILDKITE_AGENT_TOKEN",),
    secret=True,
    help="Token that registers this agent; file://PATH and fd://NUMBER read it from a file or a descriptor.",
)
ACCESS_TOKEN = Option(
    "agent-access-token",
    SECRET,
    "",
    env=("BUILDKITE_AGENT_ACCESS_TOKEN",),
    secret=True,
    help="Token of the running job or agent session.",
    required="agent-access-token",
)
ENDPOINT = Option(
    "endpoint",
    TEXT,
    DEFAULT_ENDPOINT,
    env=("BUILDKITE_AGENT_ENDPOINT",),
    help="URL of the Agent API.",
    required="endpoint",
)
NO_HTTP2 = Option(
    "no-http2",
    FLAG,
    False,
    env=("BUILDKITE_NO_HTTP2",),
    help="Accepted for compatibility; the agent always uses HTTP/1.1.",
)
DEBUG_HTTP = Option(
    "debug-http",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_DEBUG_HTTP",),
    help="With --debug, log the headers of requests and responses.",
)
TRACE_HTTP = Option(
    "trace-http",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_TRACE_HTTP",),
    help="Accepted for compatibility; --debug logs how long requests take.",
)

# The rows that every command of a job shares.
IN_JOB = (ACCESS_TOKEN, ENDPOINT, NO_HTTP2, DEBUG_HTTP, TRACE_HTTP)
