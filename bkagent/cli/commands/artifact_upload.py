"""`bkagent artifact upload PATHS [DESTINATION]`: upload files as artifacts of the job."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client
from bkagent.config.options import artifacts as options
from bkagent.config.options.job import ARTIFACT_DESTINATION_VARIABLE, JOB
from bkagent.errors import AgentError, Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Upload the files."""
    from bkagent.artifacts.upload import upload
    from bkagent.artifacts.upload_options import UploadOptions
    from bkagent.cli import defects
    from bkagent.cli.in_job import artifact_transfer

    defects.follow_call(call)
    pattern = client.argument(call, 0, "upload paths")
    destination = call.arguments[1] if len(call.arguments) > 1 else call.environ.get(ARTIFACT_DESTINATION_VARIABLE, "")
    try:
        upload(
            artifact_transfer.context_of(call, "Uploading"), call.settings[JOB], pattern,
            UploadOptions.from_settings(call.settings, destination, artifact_transfer.compat_of(call)),
            scrub=lambda texts: client.scrub_names(call, texts),
        )  # fmt: skip
    except Cancelled:
        raise
    except AgentError as error:
        raise AgentError(f"failed to upload artifacts: {error}") from error
    return 0


COMMAND = Command(
    "artifact upload",
    run,
    options=(*client.OPTIONS, JOB, *options.UPLOAD),
    arguments=("PATHS", "[DESTINATION]"),
    description=(
        "Uploads the files that match PATHS, patterns separated by semicolons: * and ? match within a folder,\n"
        "** across folders, {a,b} any of its alternatives. Quote them to keep the shell from expanding them."
    ),
    example="bkagent artifact upload 'log/**/*.log;coverage/*'",
)  # fmt: skip
