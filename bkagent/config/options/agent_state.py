"""Options of `pause` and `stop`, which a job asks of its own agent."""

from bkagent.config.kinds import FLAG, TEXT, WHOLE
from bkagent.config.option import Option

NOTE = Option("note", TEXT, "", env=("BUILDKITE_AGENT_PAUSE_NOTE",), help="Reason for the pause; shown with the agent.")
TIMEOUT_MINUTES = Option(
    "timeout-in-minutes",
    WHOLE,
    0,
    env=("BUILDKITE_AGENT_PAUSE_TIMEOUT_MINUTES",),
    help="Minutes after which the agent resumes; 0 for the control plane's default.",
)
FORCE = Option("force", FLAG, False, help="Cancel the running job too.")
