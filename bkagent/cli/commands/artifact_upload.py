"""`bkagent artifact upload PATHS [DESTINATION]`: upload files as artifacts of the job."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import artifacts as options
from bkagent.config.options.job import ARTIFACT_DESTINATION_VARIABLE, JOB
from bkagent.errors import AgentError, Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.artifacts.upload.plan import UploadPlan
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Upload the files."""
    from bkagent.artifacts.upload.options import UploadOptions
    from bkagent.artifacts.upload.upload import upload
    from bkagent.cli import defects
    from bkagent.cli.in_job import artifact_transfer

    defects.follow_call(call)
    pattern = client.argument(call, 0, "upload paths")
    destination = call.arguments[1] if len(call.arguments) > 1 else call.environ.get(ARTIFACT_DESTINATION_VARIABLE, "")
    context = artifact_transfer.context_of(call, "Uploading")
    how = UploadOptions.from_settings(call.settings, destination, artifact_transfer.compat_of(call))
    scrub = lambda texts: client.scrub_names(call, texts)  # noqa: E731
    try:
        if call.settings[options.UPLOAD_DRY_RUN]:
            from bkagent.artifacts.upload.plan import plan_upload

            return _show(call, plan_upload(context, pattern, how, scrub=scrub))
        upload(context, call.settings[JOB], pattern, how, scrub=scrub)
    except Cancelled:
        raise
    except AgentError as error:
        raise AgentError(f"failed to upload artifacts: {error}") from error
    return 0


def _show(call: "Call", plan: "UploadPlan") -> int:
    """Print a line for each file, and report where they would go. Return the status that the upload would end with."""
    from bkagent.cli.pages import artifacts_view
    from bkagent.wire.go_quoted import go_quote
    from bkagent.wire.human_size import format_size

    for problem in plan.problems:
        call.report("error", f"Would not be uploaded: {problem}")
    if not plan.files:
        return 1 if plan.problems else 0
    job_text.write(call, "".join(line + "\n" for line in artifacts_view.plan_lines(plan.files, call.out)))
    size = format_size(sum(file.size for file in plan.files))
    where = f"{plan.title} ({go_quote(plan.destination)})" if plan.destination else plan.title
    call.report("info", f"{len(plan.files)} files ({size}) would be uploaded to {where}; nothing was sent")
    return 1 if plan.problems else 0


COMMAND = Command(
    "artifact upload",
    run,
    options=(*client.OPTIONS, JOB, *options.UPLOAD, options.UPLOAD_DRY_RUN),
    arguments=("PATHS", "[DESTINATION]"),
    description=(
        "Uploads the files that match PATHS, patterns separated by semicolons: * and ? match within a folder,\n"
        "** across folders, {a,b} any of its alternatives. Quote them to keep the shell from expanding them.\n\n"
        "With --dry-run the files are a table on a terminal. Elsewhere each line has path, size in bytes and URL,\n"
        "which is empty where the control plane decides, separated by tabs."
    ),
    example="bkagent artifact upload 'log/**/*.log;coverage/*'",
)  # fmt: skip
