"""`bkagent server token create --data DIR --name NAME --owner OWNER`: make a token, and print its secret once."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, server


def run(call: Call) -> int:
    """Print the secret, or with --json the token and its secret."""
    import time

    from bkagent.cli.pages import token_view
    from bkagent.config.kinds import duration_text
    from bkagent.controlplane.api_tokens import KIND_AGENT, KIND_API, SCOPES, Person
    from bkagent.errors import ConfigError, UsageError

    settings = call.settings
    owner_text = settings[server.TOKEN_OWNER]
    owner = Person.from_text(owner_text)
    if owner is None:
        raise UsageError(settings.invalid_value(server.TOKEN_OWNER, "NAME or NAME <EMAIL>", owner_text))
    scopes = tuple(settings[server.TOKEN_SCOPES])
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise UsageError(settings.invalid_value(server.TOKEN_SCOPES, f"some of {', '.join(SCOPES)}", unknown[0]))
    kind = KIND_AGENT if settings[server.TOKEN_OF_AGENTS] else KIND_API
    if kind == KIND_AGENT and scopes:
        raise UsageError("--agent and --scopes cannot be used together: a token that registers agents has no scopes")
    lifetime_s = settings[server.TOKEN_LIFETIME]
    if lifetime_s < 0:
        raise UsageError(
            settings.invalid_value(server.TOKEN_LIFETIME, "a duration of at least 0s", duration_text(lifetime_s))
        )
    try:
        token, secret = token_view.open_tokens(call).create(
            settings[server.TOKEN_NAME], owner, kind=kind, scopes=scopes or SCOPES,
            expires_at=int(time.time() + lifetime_s) if lifetime_s else 0,
        )  # fmt: skip
    except OSError as error:
        raise ConfigError(f"cannot write the token: {error.strerror}") from error
    if settings[server.TOKENS_AS_JSON]:
        import json

        call.out.write(json.dumps({**token_view.document(token), "token": secret}, indent=2) + "\n")
    else:
        call.out.write(secret + "\n")
    return 0


COMMAND = Command(
    name="server token create",
    description="""The token is printed once, and kept only as a hash. A server of the folder knows it at once.

What is done with it is done by its owner: builds and agents name who created them. Give each program a token of
its own, with the scopes that it needs, and an end.""",
    options=(*logging.SHARED, *server.TOKEN_CREATE),
    example="bkagent server token create --data /var/lib/bkagent --name dashboard --owner 'Ann <ann@example.com>' "
    "--scopes read_agents,read_builds --expires-in 2160h",
    run=run,
)
