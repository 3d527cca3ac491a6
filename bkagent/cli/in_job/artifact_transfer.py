"""What `artifact upload` and `artifact download` share: the context of their transfers."""

from __future__ import annotations

import os

from bkagent.artifacts.transfer_context import TransferContext
from bkagent.cli.command import Call
from bkagent.cli.in_job import client
from bkagent.system import host
from bkagent.version import user_agent


def context_of(call: Call) -> TransferContext:
    """Return the context of a command's transfers, relative to the folder it is called in."""
    return TransferContext(
        client.client(call), os.getcwd(), call.environ, user_agent(host.goos(), host.goarch()), call.report,
        client.request_log(call),
    )  # fmt: skip
