"""What `artifact upload` and `artifact download` share: the context of their transfers, and whose rules they follow."""

from __future__ import annotations

import os

from bkagent.artifacts.transfer_context import TransferContext
from bkagent.cli.command import Call
from bkagent.cli.in_job import client
from bkagent.config.options import logging
from bkagent.config.settings import Source, resolve
from bkagent.system import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.config.compat import Compat


def context_of(call: Call, verb: str) -> TransferContext:
    """Return the context of a command's transfers, relative to the folder it is called in.

    `verb` begins the line of the progress bar, where a person looks on: "Uploading", "Downloading".
    """
    bar = None
    if call.err.isatty():
        from bkagent.cli.in_job.progress_bar import bar_for

        bar = bar_for(call, verb)
    api = client.client(call)
    return TransferContext(
        api, os.getcwd(), call.environ, host.user_agent(), bar.report if bar else call.report,
        client.request_log(call), view=bar, keeps_journal=True,
        store_by_job=api.store if api.is_of_job else None,
    )  # fmt: skip


def compat_of(call: Call) -> Compat:
    """Return the version of the reference that the job follows, with the experiments of the command."""
    from bkagent.config.compat import COMPAT, Compat

    version = resolve((COMPAT,), Source({}, call.environ), lambda sentence: None)[COMPAT]
    return Compat(version, frozenset(call.settings[logging.EXPERIMENT]))
