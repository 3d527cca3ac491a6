"""`bkagent server token revoke --data DIR ID`: make a token invalid."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, server


def run(call: Call) -> int:
    """Print nothing; return 1 for a token that does not exist."""
    from bkagent.cli.pages import token_view
    from bkagent.controlplane.errors import NotFound
    from bkagent.errors import ConfigError
    from bkagent.wire.shown_text import one_line

    token_id = call.arguments[0]
    try:
        token_view.open_tokens(call).revoke(token_id)
    except NotFound:
        raise ConfigError(f'no token has the id "{one_line(token_id)}"; "server token list" shows the ids') from None
    except OSError as error:
        raise ConfigError(f"cannot remove the token: {error.strerror}") from error
    return 0


COMMAND = Command(
    name="server token revoke",
    description="A server that runs on the folder refuses the token at once. `bkagent server token list` prints ids.",
    arguments=("ID",),
    options=(*logging.SHARED, *server.TOKEN_REVOKE),
    example="bkagent server token revoke --data /var/lib/bkagent 0b7c3f2e-5d0a-4a57-9c0e-3a8f3d1c2b4d",
    run=run,
)
