"""`bkagent agent-api-process`: take part in the Agent API for an agent. Started by the agent, not by people.

The argument is the folder of the sockets; standard input and standard error are the line to the agent. With --debug
each request is reported.
"""

from bkagent.cli.command import Call, Command
from bkagent.config.options.logging import DEBUG


def run(call: Call) -> int:
    """Serve until the agent ends."""
    import signal

    from bkagent.localapi.leader import leader_process

    # A service manager sends them to all processes of an agent, whose jobs may need their locks until they end.
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    return leader_process.serve(call.arguments[0], call.settings[DEBUG])


COMMAND = Command(
    "agent-api-process", run, options=(DEBUG,), arguments=("FOLDER",),
    example="bkagent agent-api-process ~/.buildkite-agent/sockets",
)  # fmt: skip
