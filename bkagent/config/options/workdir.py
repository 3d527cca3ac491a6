"""Options of `workdir set`."""

from bkagent.config.kinds import Suggested
from bkagent.config.option import Option

OUTPUT = Option(
    "output-format",
    Suggested("quiet", "plain", "json"),
    "plain",
    env=("BUILDKITE_AGENT_WORKDIR_SET_OUTPUT_FORMAT",),
    help="Output format: quiet (nothing), plain or json.",
)
