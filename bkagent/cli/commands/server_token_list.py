"""`bkagent server token list --data DIR`: list the tokens that were created, without their secrets."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, server


def run(call: Call) -> int:
    """Print a line for each token."""
    import time

    from bkagent.cli.pages import token_view

    tokens = token_view.open_tokens(call).created()
    if call.settings[server.TOKENS_AS_JSON]:
        import json

        call.out.write(json.dumps([token_view.document(token) for token in tokens], indent=2) + "\n")
    elif tokens:
        call.out.write("".join(line + "\n" for line in token_view.table(tokens, time.time())))
    else:
        call.out.write("no token was created\n")
    return 0


COMMAND = Command(
    name="server token list",
    description="The tokens that every data folder has, `tokens/agent` and `tokens/api`, are not among them.",
    options=(*logging.SHARED, *server.TOKEN_LIST),
    example="bkagent server token list --data /var/lib/bkagent",
    run=run,
)
