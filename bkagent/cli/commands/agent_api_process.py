"""`bkagent agent-api-process`: take part in the Agent API for an agent. Started by the agent, not by people.

The arguments are the folder of the sockets, and "requests" where each of them is to be reported. Standard input and
standard error are the line to the agent, so --debug, with which commands write there, is no option of this one.
"""

from bkagent.cli.command import Call, Command


def run(call: Call) -> int:
    """Serve until the agent ends."""
    import signal

    from bkagent.localapi.leader import leader_process

    # A service manager sends them to all processes of an agent, whose jobs may need their locks until they end.
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    return leader_process.serve(call.arguments[0], call.arguments[1:] == ["requests"])


COMMAND = Command(
    "agent-api-process", run, arguments=("FOLDER", "[WHAT]"),
    example="bkagent agent-api-process ~/.buildkite-agent/sockets",
)  # fmt: skip
