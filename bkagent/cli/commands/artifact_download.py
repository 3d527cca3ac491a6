"""`bkagent artifact download QUERY FOLDER`: fetch artifacts of the build into a folder."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client
from bkagent.config.options import artifacts as options
from bkagent.config.options import logging
from bkagent.errors import AgentError, Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.artifacts.transfer_context import TransferContext
    from bkagent.cli.command import Call

TRAVERSAL = "allow-artifact-path-traversal"


def run(call: "Call") -> int:
    """Download what the query finds."""
    from bkagent.artifacts.download.download import Query, download

    text = client.argument(call, 0, "artifact search query")
    folder = client.argument(call, 1, "artifact download path")
    settings = call.settings
    query = Query(
        settings[options.BUILD], text, settings[options.STEP], settings[options.INCLUDE_RETRIED_JOBS],
        _may_leave_folder(call), settings[options.SKIP_EXISTING],
    )  # fmt: skip
    try:
        download(_context(call), query, folder)
    except Cancelled:
        raise
    except AgentError as error:
        raise AgentError(f"failed to download artifacts: {error}") from error
    return 0


def _context(call: "Call") -> "TransferContext":
    """Return the context of the transfers, whose stores read variables: a flag counts as its variable."""
    from bkagent.cli.in_job import artifact_transfer

    context, option = artifact_transfer.context_of(call, "Downloading"), options.NO_S3_MULTIPART_DOWNLOAD
    return context._replace(environ={**context.environ, option.env[0]: "true" if call.settings[option] else ""})


def _may_leave_folder(call: "Call") -> bool:
    if TRAVERSAL not in call.settings[logging.EXPERIMENT]:
        return False
    from bkagent.cli.in_job import artifact_transfer

    if artifact_transfer.compat_of(call).confines_downloads:
        call.report(
            "warn",
            f'The experiment "{TRAVERSAL}" has no effect in version 4: artifacts stay inside the download folder',
        )
        return False
    call.report(
        "warn",
        f'The experiment "{TRAVERSAL}" lets artifacts of this build write anywhere that this user can write; '
        "do not enable it unless you need that",
    )
    return True


COMMAND = Command(
    "artifact download",
    run,
    options=(
        *client.OPTIONS, options.STEP, options.BUILD, options.INCLUDE_RETRIED_JOBS, options.NO_S3_MULTIPART_DOWNLOAD,
        options.SKIP_EXISTING,
    ),
    arguments=("QUERY", "FOLDER"),
    description=(
        "Downloads the artifacts that match QUERY, a path or a pattern of the control plane, into FOLDER,\n"
        "which must exist. Their subfolders are created below it.\n\n"
        "A large download that fails leaves NAME.DIGITS.part, where the next download of the same content goes on."
    ),
    example="bkagent artifact download 'dist/*.tar.gz' . --step build",
)  # fmt: skip
