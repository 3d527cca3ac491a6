"""Tell ssh, for git, what to do about hosts that it does not know: version 4's way, without a scan of their keys."""

from __future__ import annotations

from bkagent.errors import JobFailed
from bkagent.git import ssh_hosts
from bkagent.job.job import RunningJob

_COMMAND = "GIT_SSH_COMMAND"


def configure(job: RunningJob) -> None:
    """Add ssh's options to GIT_SSH_COMMAND. A program named by GIT_SSH takes none."""
    if job.get_env("GIT_SSH") is not None:
        job.log.comment("GIT_SSH is set: what it does about the keys of hosts is left to it")
        return
    options = _for_new_hosts(job) if job.refreshed.checkout.scans_host_keys else ssh_hosts.KNOWN_ONLY
    job.set_env(_COMMAND, f"{job.get_env(_COMMAND) or 'ssh'} {options}")


def _for_new_hosts(job: RunningJob) -> str:
    printed = bytearray()
    try:
        job.session.capture(["ssh", "-V"], watch=printed.extend, hidden=True)  # which prints it as an error
        version = ssh_hosts.parse_version(printed.decode("utf-8", "replace"))
    except JobFailed:
        version = None
    if version is None:
        job.log.warning("The version of ssh cannot be told; it is taken to be 7.6 or newer")
    elif version < ssh_hosts.ACCEPTS_NEW:
        job.log.comment("ssh is older than 7.6: the keys of hosts are not checked")
        return ssh_hosts.ANY
    return ssh_hosts.NEW_ONES
