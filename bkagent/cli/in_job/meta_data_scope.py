"""The scope of a meta-data command. On the short path."""

from bkagent.config.options import meta_data as options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def scope(call: "Call") -> "tuple[str, str]":
    """Return ("builds", id) if --build or its variable is set, else ("jobs", id)."""
    build = call.settings[options.BUILD]
    return ("builds", build) if build else ("jobs", call.settings[options.ANY_JOB])
