"""Begin the warm process of an agent: where it can, as a fork that shares with the agent all that both have loaded.

A fork must be made while there is one thread. By then the agent has registered, which does not wait for this.
"""

from __future__ import annotations

import sys

from bkagent.cli import main
from bkagent.cli.commands import job_process
from bkagent.cli.start import inherited_env
from bkagent.config.options import agent
from bkagent.config.options.checkout import SKIP_CHECKOUT
from bkagent.system.fork_server import fork_server
from bkagent.warm.job_forks import JobForks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from bkagent.agent.session.registering import Registering
    from bkagent.cli.command import Call
    from bkagent.cli.start.signals import Following

# A control plane far away answers by then. Where there is none, jobs of an earlier agent are not to wait longer.
_REGISTERED_WITHIN_S = 2.0


def begin(call: Call, registering: Registering, following: Optional[Following]) -> JobForks:
    """Have jobs forked from now on. Beside the threads that register, `following` may be the only other one."""
    inherited = inherited_env.inherited_environment(call)
    warm = JobForks(inherited, call.report)
    if call.settings[agent.BOOTSTRAP_SCRIPT]:
        return warm
    if following is None or not fork_server.FORKS_CALLERS:
        warm.open()
        return warm
    # First: so they lie in fewer pages, and each job has copies of those that it writes to.
    _load_parts_of_jobs(checks_out=not call.settings[SKIP_CHECKOUT])
    # While a distant control plane is waited for. Else it is loaded after the fork, since no job needs it.
    if not registering.wait(0.0):
        main.load_together("agent")
        from bkagent.agent import run  # noqa: F401
    if not registering.wait(_REGISTERED_WITHIN_S):
        warm.open()
        return warm
    following.pause()
    try:
        sys.stdout.flush()  # or a fork would print it as well
        sys.stderr.flush()
        warm.open(lambda: _run(inherited))
    finally:
        following.resume()
    return warm


def _load_parts_of_jobs(checks_out: bool) -> None:
    main.load_together("job-process")
    from bkagent.job import warm_process

    if checks_out:
        warm_process.load_checkouts()


def _run(environ: "dict[str, str]") -> int:
    """Be what `bkagent job-process` is, from here on.

    Not by its command line: reading that writes to a tenth of the pages that are shared.
    """
    sys.argv[1:] = words = [job_process.COMMAND.name]
    return main.at_edge(job_process.serve, words, environ, [])
