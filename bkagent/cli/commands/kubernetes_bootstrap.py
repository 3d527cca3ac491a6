"""`bkagent kubernetes-bootstrap`: run a job in a container of a pod, as the pod's agent says."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import kubernetes as options
from bkagent.config.options import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Refuse."""
    return unsupported.refuse("running jobs in a Kubernetes pod is")


COMMAND = Command(
    "kubernetes-bootstrap",
    run,
    options=(*options.KUBERNETES, logging.DEBUG, logging.LOG_LEVEL, logging.EXPERIMENT, logging.PROFILE),
    description="Waits for the agent's container of the same pod, gets the job's variables from it, and runs the job.",
    example="bkagent kubernetes-bootstrap --kubernetes-container-id 1",
)
