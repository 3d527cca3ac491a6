"""`bkagent tool sign [FILE]`: sign the steps of a pipeline."""

from bkagent.cli.command import Command
from bkagent.config.options import signing as options
from bkagent.config.options.logging import SHARED
from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print the pipeline with a signature in each command step, or put it in the place of the hosted one."""
    settings = call.settings
    from bkagent.cli.signing.signer import signer_for

    signer = signer_for(call)
    if signer is None:
        raise AgentError("couldn't read the signing key file: name it with --jwks-file")
    if settings[options.GRAPHQL_TOKEN]:
        from bkagent.cli.signing import hosted_pipeline

        hosted_pipeline.run(call, signer)
        return 0
    if settings[options.UPDATE]:
        raise AgentError("--update needs --graphql-token: without it there is no pipeline to update")
    if not settings[options.REPOSITORY]:
        raise AgentError("the repository is signed, too: name its clone URL with --repo")
    from bkagent.cli.in_job import job_text
    from bkagent.cli.signing import static_pipeline

    job_text.write(call, static_pipeline.sign_file(call, signer, settings[options.REPOSITORY]))
    return 0


COMMAND = Command(
    "tool sign",
    run,
    options=(*SHARED, *options.SIGN),
    arguments=("[FILE]",),
    description=(
        "Signs the command steps of a pipeline, and prints it as YAML. Without a FILE it reads standard input. A "
        "pipeline with variables to interpolate is refused: their values are unknown until it is uploaded, and "
        "`pipeline upload --jwks-file` signs it then.\n"
        "With --graphql-token it takes the steps and the repository from the settings of a pipeline of the hosted "
        "service, and --update puts the signed steps in their place."
    ),
    example="bkagent tool sign pipeline.yml --jwks-file private.json --repo https://example.com/acme/widgets.git",
)
