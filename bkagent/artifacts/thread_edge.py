"""The edge of each thread of a transfer: what ends its work goes to whoever can fail the artifact or the transfer."""

from __future__ import annotations

from bkagent.errors import AgentError
from bkagent.report import report_defect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


def run_to_end(work: Callable[[], None], take_problem: Callable[[Exception], None]) -> None:
    """Do some work; what it raises, defects among that, goes to `take_problem` and no further."""
    try:
        work()
    except Exception as problem:
        take_problem(problem)


def as_agent_error(problem: Exception, ended: str) -> AgentError:
    """Return a problem as an error for users; a defect, which has ended what `ended` names, is reported as such."""
    if isinstance(problem, AgentError):
        return problem
    report_defect(problem)
    return AgentError(f"an internal error has ended {ended}")
