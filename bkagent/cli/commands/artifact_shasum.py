"""`bkagent artifact shasum QUERY`: print the checksum of one artifact."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import artifacts as options
from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print the checksum that was stored when the artifact was uploaded."""
    from bkagent.cli.in_job import artifact_search
    from bkagent.wire.shown_text import one_line

    query = client.argument(call, 0, "artifact search query")
    artifacts = artifact_search.search(call, query)
    if not artifacts:
        raise AgentError(f'no artifact matches "{query}"')
    if len(artifacts) > 1:
        raise AgentError(f'{len(artifacts)} artifacts match "{query}", but exactly one must; --step narrows the search')
    call.report("debug", f'Artifact "{one_line(artifacts[0].path)}" found')
    checksum = artifacts[0].sha1
    if call.settings[options.SHA256]:
        checksum = artifacts[0].sha256
        if not checksum:
            raise AgentError(f"{one_line(artifacts[0].path)} was uploaded without a SHA-256 checksum")
    job_text.write(call, checksum + "\n")
    return 0


COMMAND = Command(
    "artifact shasum",
    run,
    options=(*client.OPTIONS, options.SHA256, options.STEP, options.BUILD, options.INCLUDE_RETRIED_JOBS),
    arguments=("QUERY",),
    description="Prints the SHA-1 of the single artifact that matches QUERY, as recorded when it was uploaded.",
    example="test $(bkagent artifact shasum dist/app.tar.gz) = $(sha1sum < app.tar.gz | cut -d ' ' -f 1)",
)
