"""`bkagent bootstrap`: run one job as the environment describes it, its log on standard output."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import bootstrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict


def run(call: Call) -> int:
    """Run the job; end by the signal that cancelled it, where one did."""
    from bkagent.job.standalone import StandaloneJob
    from bkagent.system import signals

    job = StandaloneJob(call.settings, _environ(call), call.out.buffer)
    signals.catch_endings(job.cancel)
    ending = job.run()
    if ending.signal:
        signals.die_by(ending.signal)
    return ending.exit_status


def _environ(call: Call) -> "Dict[str, str]":
    """Return the job's environment: what flags say is a variable of the job like everything else."""
    environ = dict(call.environ)
    for option in bootstrap.BOOTSTRAP:
        if option.env and call.settings.origin(option).startswith("flag "):
            environ[option.env[0]] = _text(call.settings[option])
    return environ


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)


COMMAND = Command(
    name="bootstrap", options=bootstrap.BOOTSTRAP,
    description="Runs one job: its hooks, the checkout, its command, the upload of its artifacts. The environment "
    "describes the job; the log goes to standard output.",
    example="bkagent bootstrap --build-path builds", run=run,
)  # fmt: skip
