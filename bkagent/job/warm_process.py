"""The warm process: it loads what a plain job needs, then forks a job process whenever the agent asks for one.

What only some jobs need (plugins, transfers) is loaded by those: this process is part of what an agent costs while
nothing happens. A checkout is loaded where the agent checks code out.
"""

from __future__ import annotations

from typing import Optional

from bkagent.hooks import run as hooks_run  # noqa: F401  most jobs have hooks
from bkagent.job import handed_secrets, process  # noqa: F401  what the forked processes run
from bkagent.system import console  # noqa: F401  of each of them
from bkagent.system.boot import boot_id
from bkagent.system.fork_server import fork_server
from bkagent.system.fork_server.fork_server import ForkRequest


def load_checkouts() -> None:
    """Load what a checkout needs, and what tells the control plane of it, before the first job has to."""
    import encodings.ascii  # noqa: F401  the heads of requests and answers are in it

    from bkagent.checkout import commit_metadata, run  # noqa: F401
    from bkagent.remote import client  # noqa: F401
    from bkagent.remote.commands import meta_data  # noqa: F401


def serve() -> Optional[ForkRequest]:
    """Return what a job process shall do, in each one; None in the warm process, when its agent is gone."""
    boot_id()  # is known from here on
    return fork_server.serve()
