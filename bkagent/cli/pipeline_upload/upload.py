"""What `pipeline upload` does with each text: read it, look for secrets, skip by changes, upload or print it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from bkagent.cli.in_job import client, job_text
from bkagent.cli.pipeline_upload.changed_files import ChangedFiles, git
from bkagent.config.options import bootstrap, logging
from bkagent.config.options import pipeline as options
from bkagent.config.options.job import REDACTED_VARS
from bkagent.config.variables import build_variables
from bkagent.errors import AgentError
from bkagent.git.query import QueryFailed
from bkagent.pipeline import go_json
from bkagent.pipeline.document import if_changed, normalise, secrets
from bkagent.pipeline.document.source import each_pipeline
from bkagent.redaction.variables import SHORTEST_BYTES
from bkagent.remote.commands.job_api import JobApi, NotServed
from bkagent.wire import upstream_protocol

if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.cli.pipeline_upload.input import Input
    from bkagent.cli.signing.signer import Signer
    from bkagent.pipeline.document.model import Normalised

PREFER_RUNTIME = "interpolation-prefers-runtime-env"


class UploadFailed(AgentError):
    """The control plane has not taken a pipeline."""


class PipelineUpload:
    """One run of the command: what its uploads share."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.interpolates = not call.settings[options.NO_INTERPOLATION]
        self.prefers_environ = PREFER_RUNTIME in call.settings[logging.EXPERIMENT]
        self.environ = self._with_commit() if self.interpolates else call.environ
        self.changed = ChangedFiles(call) if call.settings[options.APPLY_IF_CHANGED] else None
        self.printed = False
        self.signer = self._signer()

    def send(self, source: Input) -> None:
        """Upload or print each pipeline of a text, in order. Raises AgentError."""
        pipelines = each_pipeline(
            source.content, source.name, self.environ, self.interpolates, prefer_environ=self.prefers_environ
        )
        for number, pipeline in enumerate(pipelines, start=1):
            self._check_warnings(pipeline, source.name)
            self._check_secrets(pipeline, source.name)
            document = pipeline.document
            if self.signer is not None:
                self.signer.sign(pipeline.typed, self.environ.get(bootstrap.REPOSITORY.env[0], ""))
            changed = if_changed.apply(pipeline.typed, self.changed, lambda text: self.call.report("warn", text))
            if changed or self.signer is not None:
                document = normalise.to_wire(pipeline.typed)
            if self.call.settings[options.DRY_RUN]:
                self._print(document)
            else:
                self._upload(document, number, source.name)

    def _signer(self) -> Optional[Signer]:
        """Return what signs, None where no key is named."""
        if not any(self.call.settings[option] for option in options.SIGNING):
            return None
        # Loaded here: most pipelines are not signed.
        from bkagent.cli.signing.signer import signer_for

        return signer_for(self.call)

    def _with_commit(self) -> Dict[str, str]:
        """Return the variables, with BUILDKITE_COMMIT as the full id of what it names."""
        environ, report = self.call.environ, self.call.report
        commit = environ.get(build_variables.COMMIT)
        if not commit:
            return environ
        try:
            resolved = git(("rev-parse", "--verify", "--end-of-options", commit), self.call).strip()
        except QueryFailed as error:
            report("warn", f"Couldn't resolve BUILDKITE_COMMIT, which stays {commit}: {error}")
            return environ
        report("info", f'Updating BUILDKITE_COMMIT to "{resolved}"')
        return {**environ, build_variables.COMMIT: resolved}

    def _check_warnings(self, pipeline: Normalised, name: str) -> None:
        if not pipeline.warnings:
            return
        details = "\n".join(pipeline.warnings)
        if self.call.settings[options.REJECT_PARSE_WARNINGS]:
            raise AgentError(
                f'pipeline "{name}" parsed with warnings; refusing upload because --reject-parse-warnings is enabled:\n'
                + details
            )
        self.call.report(
            "warn",
            "There were some issues with the pipeline input - pipeline upload will proceed, but might not succeed:\n"
            + details,
        )

    def _check_secrets(self, pipeline: Normalised, name: str) -> None:
        patterns = self.call.settings[REDACTED_VARS]
        if not patterns:
            return
        environ = self._joined(pipeline)
        bad = secrets.unreadable_patterns(environ, patterns)
        if bad:
            self.call.report("warn", f"--redacted-vars has invalid patterns: {', '.join(bad)}")
        short = ", ".join(secrets.short_names(pipeline.document, environ, patterns))
        if short:
            text = f"Some variables have values below minimum length ({SHORTEST_BYTES} bytes) and will not be redacted"
            self.call.report("info", f"{text}: {short}")
        names = secrets.leaked_names(pipeline.document, environ, patterns)
        if names:
            held = (
                f'pipeline "{name}" contains values interpolated from the following secret environment variables: '
                f"[{' '.join(names)}]"
            )
        elif self._job_knows_secrets_of(pipeline.document):
            held = f'pipeline "{name}" contains secrets that the job redacts (redactor add, secret get)'
        else:
            return
        if self.call.settings[options.REJECT_SECRETS]:
            raise AgentError(f"{held}, and cannot be uploaded to Buildkite")
        report = self.call.report
        report("warn", f"The {held}, which will be readable by everyone who can see the build")
        report("warn", "Write $$ before the name of such a variable to expand it when the step runs")
        report("warn", "Version 4 of the agent refuses such a pipeline by default; --reject-secrets does so now")

    def _job_knows_secrets_of(self, document: Mapping[str, Any]) -> bool:
        """Ask the job's process, which knows what was named as secret while the job runs."""
        if not self.call.environ.get(upstream_protocol.SOCKET_VARIABLE):
            return False
        text = go_json.dumps(document, escape_markup=False)
        try:
            return JobApi(self.call.environ).redacted([text]) != [text]
        except NotServed as problem:
            level = "warn" if self.call.settings[options.REJECT_SECRETS] else "debug"
            self.call.report(level, f"The pipeline was not checked for the job's redacted secrets: {problem}")
            return False

    def _joined(self, pipeline: Normalised) -> Dict[str, str]:
        env = pipeline.typed.env
        if not self.interpolates or not env:
            return self.environ
        return {**env, **self.environ} if self.prefers_environ else {**self.environ, **env}

    def _print(self, document: Dict[str, Any]) -> None:
        if self.call.settings[options.FORMAT] == "yaml":
            from bkagent.pipeline.document import yaml_order
            from bkagent.yaml.dump import dumps

            text = ("---\n" if self.printed else "") + dumps(yaml_order.in_yaml_order(document))
        else:
            text = go_json.dumps(document, indent=2) + "\n"
        self.printed = True
        job_text.write(self.call, text)

    def _upload(self, document: Dict[str, Any], number: int, name: str) -> None:
        from bkagent.remote.commands import pipelines
        from bkagent.transport.retry import sleep

        settings = self.call.settings
        try:
            pipelines.upload(
                client.client(self.call), settings[options.JOB], str(uuid.uuid4()), document,
                replace=settings[options.REPLACE], wait=sleep, report=self.call.report,
            )  # fmt: skip
        except AgentError as error:
            raise UploadFailed(f"Couldn't upload: {error}") from error
        self.call.report("info", f'Successfully parsed and uploaded pipeline #{number} from "{name}"')
