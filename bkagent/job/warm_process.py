"""The warm process: it loads what a plain job needs, then forks a job process whenever the agent asks for one.

What only some jobs need (a checkout, plugins, transfers) is loaded by those: this process is part of what an agent
costs while nothing happens.
"""

from __future__ import annotations

from typing import Optional

from bkagent.hooks import run as hooks_run  # noqa: F401  most jobs have hooks
from bkagent.job import handed_secrets, process  # noqa: F401  what the forked processes run
from bkagent.system.boot import boot_id
from bkagent.system.fork_server import fork_server
from bkagent.system.fork_server.fork_server import ForkRequest


def serve() -> Optional[ForkRequest]:
    """Return what a job process shall do, in each one; None in the warm process, when its agent is gone."""
    boot_id()  # is known from here on
    return fork_server.serve()
