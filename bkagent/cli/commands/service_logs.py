"""`bkagent service logs`: print what the agent of a service logs."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services

_LOOK_EVERY_S = 0.3


def run(call: Call) -> int:
    """Print the last lines; with --follow, go on until the command is ended."""
    import time

    from bkagent.cli.service import log_view, requests
    from bkagent.errors import AgentError

    folder = requests.open_folder(call)
    out, follows = call.out.buffer, call.settings[services.FOLLOW]
    try:
        lines, end = log_view.last_lines(folder.log, call.settings[services.LINES], is_required=not follows)
        out.write(b"".join(lines))
        out.flush()
        while follows:
            time.sleep(_LOOK_EVERY_S)
            end = log_view.write_news(folder.log, end, out)
    except FileNotFoundError:
        raise AgentError(f"the service {call.settings[services.NAME]} has no log yet ({folder.log})") from None
    except PermissionError:
        raise AgentError(f"only administrators and the account of the service may read {folder.log}") from None
    return 0


COMMAND = Command(
    "service logs",
    run,
    options=(*services.SHARED, services.LINES, services.FOLLOW),
    description="""Prints the end of the log of a service. The file begins anew at 10 MiB, and the four before it are
kept beside it.""",
    example="bkagent service logs --lines 200 --follow",
)
