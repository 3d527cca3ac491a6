"""`bkagent artifact list [QUERY]`: print a table of the build's artifacts."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import artifacts as options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print a line for each artifact."""
    from bkagent.cli.in_job import artifact_search
    from bkagent.cli.pages import artifacts_view

    query = call.arguments[0] if call.arguments and call.arguments[0] else "*"
    artifacts = artifact_search.search(call, query, include_duplicates=True)
    if not artifacts:
        artifact_search.accept_no_match(call, query)
        return 0
    artifacts.sort(key=lambda artifact: (artifact.path, artifact.created_at))
    columns_count = artifacts_view.columns_of(call.out)
    if columns_count is None:
        lines = artifacts_view.plain_lines(artifacts)
    else:
        lines = artifacts_view.table(artifacts, columns_count)
    job_text.write(call, "".join(line + "\n" for line in lines))
    return 0


COMMAND = Command(
    "artifact list",
    run,
    options=(
        *client.OPTIONS, options.STEP, options.BUILD, options.INCLUDE_RETRIED_JOBS, options.ALLOW_EMPTY_RESULTS,
    ),
    arguments=("[QUERY]",),
    description="""Lists the artifacts that match QUERY, a path or a pattern of the control plane, or all.

On a terminal they are a table as wide as the screen. Elsewhere each line has path, size in bytes, SHA-256, time of
creation and job, separated by tabs and without names of columns; control characters in a path are escaped.""",
    example="bkagent artifact list 'dist/*' | cut -f 1,2",
)  # fmt: skip
