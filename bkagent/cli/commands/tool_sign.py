"""`bkagent tool sign [FILE]`: sign the steps of a pipeline."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import signing as options
from bkagent.config.options.logging import SHARED
from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print the pipeline with a signature in each command step."""
    settings = call.settings
    if settings[options.GRAPHQL_TOKEN] or settings[options.UPDATE]:
        return unsupported.refuse("signing pipelines of the hosted service is")
    from bkagent.cli.in_job import job_text
    from bkagent.cli.signing import static_pipeline
    from bkagent.cli.signing.signer import signer_for

    signer = signer_for(call, settings[options.REPOSITORY])
    if signer is None:
        raise AgentError("couldn't read the signing key file: name it with --jwks-file")
    if not settings[options.REPOSITORY]:
        raise AgentError("the repository is signed, too: name its clone URL with --repo")
    job_text.write(call, static_pipeline.signed(call, signer))
    return 0


COMMAND = Command(
    "tool sign",
    run,
    options=(*SHARED, *options.SIGN),
    arguments=("[FILE]",),
    description=(
        "Signs the command steps of a pipeline, and prints it as YAML. Without a FILE it reads standard input. A "
        "pipeline with variables to interpolate is refused: their values are unknown until it is uploaded, and "
        "`pipeline upload --jwks-file` signs it then."
    ),
    example="bkagent tool sign pipeline.yml --jwks-file private.json --repo https://example.com/acme/widgets.git",
)
