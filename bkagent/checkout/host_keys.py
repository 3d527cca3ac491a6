"""Add the key of a repository's SSH host to the known hosts before git asks for confirmation."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

from bkagent.checkout.work import Work
from bkagent.errors import Cancelled, JobFailed
from bkagent.git import location, ssh_hosts
from bkagent.redaction.url_password import masked
from bkagent.shell import lock_file
from bkagent.system import file_lock

_TRIES, _PAUSE_S = 3, 2.0
_LOCK_WAIT_S = 30.0


def add_host_keys(work: Work, repository: str) -> None:
    """Add the host's keys to the user's known hosts. Errors are logged as warnings; git will report the rest.

    Raises Cancelled. Version 4 leaves this to ssh itself.
    """
    settings, session = work.settings, work.session
    if not settings.scans_host_keys or settings.is_v4:
        return
    if settings.reached_by_https and repository.startswith(settings.reached_by_https):
        return
    if os.path.exists(os.path.join(session.cwd, repository)):
        return
    try:
        _known_hosts_path(work)  # for every remote address: hooks append to it
    except (JobFailed, OSError) as problem:
        session.log.warning(f"Failed to create the known hosts file: {problem}")
        return
    if location.has_helper(repository):
        return
    address = location.parse(repository)
    if address is None:
        session.log.warning(f"No host key is fetched: {masked(repository)} is not the address of a repository")
        return
    if address.scheme not in ("ssh", "git+ssh", "ssh+git") or not address.host:
        return
    if address.hostname.startswith("-"):
        return  # ssh would read an option; git refuses such a host, with a message
    try:
        _add_host_key(work, _resolve_host(work, address))
    except (JobFailed, OSError) as problem:
        session.log.warning(f"Failed to fetch the host key of {address.host}: {problem}")


def _resolve_host(work: Work, address: location.Location) -> str:
    """Return the host that ssh resolves the name to, or the name without a person's alias suffix."""
    try:
        host = ssh_hosts.parse_host(work.session.capture(ssh_hosts.probe(address.hostname), hidden=True))
    except JobFailed:
        host = ""
    if not host:
        host = ssh_hosts.without_alias(address.hostname)
    if address.port and address.port != ssh_hosts.DEFAULT_PORT and ":" not in host:
        host = f"{host}:{address.port}"
    return host


def _known_hosts_path(work: Work) -> str:
    """Return the path of the user's list of known hosts; it is made if it is missing. Raises JobFailed, OSError."""
    env = work.session.child_env()
    home = env.get("HOME") or env.get("USERPROFILE") or ""
    if not home:
        raise JobFailed("the home folder is unknown: set HOME in the environment of the agent", 1)
    folder = os.path.join(home, ".ssh")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, "known_hosts")
    if not os.path.exists(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return path


def _add_host_key(work: Work, host: str) -> None:
    log = work.session.log
    path = _known_hosts_path(work)
    with _lock_list(work, path + ".lockf"):
        if _is_known(path, host):
            log.comment(f'Host "{host}" already in list of known hosts at "{path}"')
            return
        keys = _scan(work, host)
        with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(keys + "\n")
        log.comment(f'Added host "{host}" to known hosts at "{path}"')


@contextmanager
def _lock_list(work: Work, path: str) -> Iterator[None]:
    """Keep other jobs from the list meanwhile. Raises JobFailed, Cancelled, OSError."""
    fd = -1
    try:
        fd = lock_file.take(path, _LOCK_WAIT_S, work.session.cancellation, lambda: None)
    except TimeoutError as expired:
        raise JobFailed(str(expired), 1) from expired
    except OSError as error:
        # The list is appended to at once, and a key that stands there twice does no harm.
        if not file_lock.why_unsupported(path, error):
            raise
        work.session.log.debug(f"{path} is not locked: {error.strerror}")
    try:
        yield
    finally:
        if fd >= 0:
            os.close(fd)


def _is_known(path: str, host: str) -> bool:
    """Return whether a plain line of the list names the host. Hashed names are not read: the host is scanned again."""
    name, _, port = host.rpartition(":")
    listed = f"[{name.strip('[]')}]:{port}" if name and port.isdigit() else host
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        fields = (line.rstrip("\n").split(" ") for line in file)
        return any(len(each) == 3 and listed in each[0].split(",") for each in fields)


def _scan(work: Work, host: str) -> str:
    for number in range(_TRIES):
        try:
            keys = work.session.capture(ssh_hosts.scan(host), hidden=True)
            if keys.strip():
                return keys.rstrip("\n")
            problem = "ssh-keyscan printed nothing"
        except JobFailed as failed:
            problem = str(failed)
        if number + 1 < _TRIES and work.session.cancellation.wait(_PAUSE_S):
            raise Cancelled("the checkout was cancelled while waiting for a host key")
    raise JobFailed(problem, 1)
