"""What an agent's configuration says about its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple

from bkagent.config.protected_variables import Protection

DEFAULT_REDACTED_VARS = (
    "*_PASSWORD", "*_SECRET", "*_TOKEN", "*_PRIVATE_KEY", "*_SSH_KEY",
    "*_ACCESS_KEY", "*_SECRET_KEY", "*_CONNECTION_STRING", "*_API_KEY",
)  # fmt: skip


@dataclass(frozen=True)
class CheckoutSettings:
    """How repositories are checked out. Flags are words as a shell would split them.

    override_mode   who may change this: "strict", "from-job" or "none"
    """

    override_mode: str = "from-job"
    skip: bool = False
    attempts: int = 6
    timeout_s: int = 0
    checkout_flags: str = "-f"
    clone_flags: str = "-v"
    clean_flags: str = "-ffxdq"
    fetch_flags: str = "-v --prune"
    commit_verification: str = ""
    sparse_paths: Tuple[str, ...] = ()
    sparse_mode: str = "cone"
    mirrors_path: str = ""
    mirror_clone_flags: str = "-v"
    mirror_checkout_mode: str = "reference"
    mirrors_lock_timeout_s: int = 300
    mirrors_skip_update: bool = False
    skip_fetch_existing_commits: bool = False
    submodules: bool = True
    submodule_clone_config: Tuple[str, ...] = ()
    ssh_keyscan: bool = True


@dataclass(frozen=True)
class Permissions:
    """What jobs may be. Each list holds regular expressions; an empty one allows everything.

    variables   None allows every variable; otherwise only those that match
    protected   patterns of variables that no job may set, `*` for any characters
    protect_git whether those are protected by which git runs a program, or takes a configuration or transport
    unverified  whether signed jobs run though there is no key to check their signatures with
    """

    command_eval: bool = True
    plugins: bool = True
    local_hooks: bool = True
    repositories: Tuple[str, ...] = ()
    plugin_sources: Tuple[str, ...] = ()
    variables: Optional[Tuple[str, ...]] = None
    protected: Tuple[str, ...] = ()
    protect_git: bool = False
    unverified: bool = False

    def protection(self) -> Protection:
        """Return what of a job's own variables is left out."""
        return Protection(self.protected, self.protect_git, self.command_eval)


@dataclass(frozen=True)
class Signing:
    """Keys that a job's `pipeline upload` signs with; passed on, not used by the agent itself."""

    jwks_file: str = ""
    jwks_key_id: str = ""
    aws_kms_key: str = ""
    gcp_kms_key: str = ""
    debug: bool = False


@dataclass(frozen=True)
class LogCopies:
    """Where the logs of jobs go besides the control plane.

    tmpfile         into a file that the job knows while it runs, in `tmpfile_folder` ("" for the temporary one)
    folder          into a file a job, kept for `retention_s` (0 for ever); "" for none
    to_stdout       to the agent's standard output
    """

    tmpfile: bool = False
    tmpfile_folder: str = ""
    folder: str = ""
    retention_s: float = 0.0
    to_stdout: bool = False


@dataclass(frozen=True)
class JobSettings:
    """What every job of an agent is given.

    environ            what its process inherits: the agent's own environment without its configuration
    launchers_path     folder of the commands that jobs call
    context_path       folder of the files that describe a job to containers; "" for the job's own folder
    cancel_grace_s     time from a cancellation to the end of the job
    signal_grace_s     time from a cancellation to the end of its command; less than the former
    compat             version of the reference that jobs are run as: "3" or "4"
    leftovers          "report" or "end": what happens to processes that outlive the job
    """

    build_path: str
    sockets_path: str
    launchers_path: str
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    context_path: str = ""
    config_path: str = ""
    hooks_path: str = ""
    additional_hooks_paths: Tuple[str, ...] = ()
    plugins_path: str = ""
    bootstrap_script: str = ""
    shell: str = "/bin/bash -e -c"
    hooks_shell: str = ""
    cancel_signal: str = "SIGTERM"
    cancel_grace_s: int = 10
    signal_grace_s: int = 9
    pty: bool = True
    ansi_timestamps: bool = True
    timestamp_lines: bool = False
    strict_single_hooks: bool = False
    plugin_validation: bool = False
    plugins_always_clone_fresh: bool = False
    multipart_artifacts: bool = True
    artifact_concurrency: int = 0
    redacted_vars: Tuple[str, ...] = DEFAULT_REDACTED_VARS
    disable_warnings_for: Tuple[str, ...] = ()
    experiments: Tuple[str, ...] = ()
    trace_context_encoding: str = "gob"
    leftovers: str = "report"
    compat: str = "3"
    log_copies: LogCopies = LogCopies()
    checkout: CheckoutSettings = CheckoutSettings()
    permissions: Permissions = Permissions()
    signing: Signing = Signing()
