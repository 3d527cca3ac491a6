"""`bkagent pipeline upload [FILE...]`: add the steps of a pipeline to the running build."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, client
from bkagent.config.compat import COMPAT
from bkagent.config.options import pipeline as options
from bkagent.config.options.job import REDACTED_VARS
from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Read, check and upload every pipeline."""
    settings = call.settings
    if settings[options.DRY_RUN]:
        choices.check(call, options.FORMAT)
    if not settings[options.DRY_RUN] and not settings[options.JOB]:
        raise UsageError("missing job parameter; set --job or the environment variable BUILDKITE_JOB_ID, or --dry-run")
    from bkagent.cli.pipeline_upload.input import inputs
    from bkagent.cli.pipeline_upload.upload import PipelineUpload, UploadFailed

    sources = inputs(call)
    sending = PipelineUpload(call)
    try:
        for source in sources:
            sending.send(source)
    except UploadFailed as failed:
        call.report("error", str(failed))
        return failed.exit_code
    return 0


COMMAND = Command(
    "pipeline upload",
    run,
    options=(*client.OPTIONS, *options.UPLOAD, REDACTED_VARS, COMPAT),
    arguments=("[FILE]...",),
    description=(
        "Interpolates environment variables into a pipeline (YAML or JSON), checks it, and adds its steps after the "
        "running job.\nWithout a FILE it reads standard input or, if that is a terminal, the only one that exists of "
        "buildkite.yml, .buildkite/pipeline.yml and buildkite/pipeline.yml (also .yaml and .json)."
    ),
    example="bkagent pipeline upload .buildkite/deploy.yml",
)
