"""The error of an invalid pipeline: one sentence that names the step and the attribute."""

from bkagent.errors import AgentError


class PipelineError(AgentError):
    """A pipeline that cannot be run or uploaded."""
