"""`bkagent artifact search QUERY`: list artifacts of the build."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import artifacts as options
from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print what is found, each as the format says."""
    from bkagent.artifacts import search_format
    from bkagent.cli.in_job import artifact_search

    query = client.argument(call, 0, "artifact search query")
    text = call.settings[options.SEARCH_FORMAT]
    try:
        form = search_format.unescape(text)
    except ValueError as error:
        raise UsageError(f'format "{text}" is invalid: {error}') from None
    artifacts = artifact_search.search(call, query, include_duplicates=True)
    if not artifacts:
        artifact_search.accept_no_match(call, query)
    for artifact in artifacts:
        job_text.write_bytes(call, search_format.line(form, artifact))
    return 0


COMMAND = Command(
    "artifact search",
    run,
    options=(
        *client.OPTIONS, options.STEP, options.BUILD, options.INCLUDE_RETRIED_JOBS, options.ALLOW_EMPTY_RESULTS,
        options.SEARCH_FORMAT,
    ),
    arguments=("QUERY",),
    description="Lists the artifacts that match QUERY, a path or a pattern of the control plane.",
    example="bkagent artifact search 'dist/*' --format '%p %s\\n'",
)  # fmt: skip
