"""`bkagent server login-url --data DIR`: print a link that logs in to the pages of the server that runs there."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, server


def run(call: Call) -> int:
    """Print the link."""
    import os
    import time

    from bkagent.config import paths
    from bkagent.controlplane import server_url
    from bkagent.controlplane.tokens import Tokens

    folder = paths.expand(call.settings[server.SERVER_DATA], call.environ)
    login = server_url.read_login(folder)
    call.out.write(login.link(Tokens(os.path.join(folder, "tokens")).api, time.time()) + "\n")
    return 0


COMMAND = Command(
    name="server login-url",
    description=(
        "The link works once, for ten minutes. It is made from a key that the server keeps in its data folder while it "
        "runs, so only the user who runs the server can print it."
    ),
    options=(*logging.SHARED, *server.LOGIN_URL),
    example="bkagent server login-url --data /var/lib/bkagent",
    run=run,
)
