"""Addresses of repositories: the forms that git accepts, and the host that they name."""

import re
from typing import NamedTuple, Optional

from bkagent.wire import go_url

_SCHEME = re.compile(r"[^:]+://")
# git's short form for ssh, [user@]host:path. One letter before the colon is a Windows drive.
_SHORT = re.compile(r"([^@]+@)?([^:]{2,}):/?(.+)\Z")
_HOST = re.compile(r"(.*?)(?::([0-9]*))?", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")


class Location(NamedTuple):
    """A repository's address. `user` has the password too, `host` the port where one is given; `path` is decoded."""

    scheme: str
    user: str
    host: str
    hostname: str
    port: str
    path: str


def parse(repository: str) -> Optional[Location]:
    """Return the parts of an address, or None if it is invalid. Anything without a scheme or a host is a path."""
    short = None if _SCHEME.match(repository) else _SHORT.match(repository)
    if short:
        text = f"ssh://{short[1] or ''}{short[2]}/{short[3]}"
    elif _SCHEME.match(repository):
        text = repository
    else:
        path = repository.replace("\\", "/")
        text = f"file:///{path[1:] if path.startswith('/') else path}"
    try:
        url = go_url.parse(text)
    except go_url.BadUrl:
        return None
    host = _HOST.fullmatch(url.host)
    hostname, port = (host[1], host[2] or "") if host else (url.host, "")
    if hostname.startswith("[") and hostname.endswith("]"):
        hostname = hostname[1:-1]
    return Location(url.scheme, url.authentication, url.host, hostname, port, url.path)


def has_helper(repository: str) -> bool:
    """Return whether git uses a remote helper for the repository, as in `codecommit::us-east-1://name`."""
    return _HELPER.match(repository) is not None


def resolve_relative(url: str, repository: str) -> str:
    """Return a submodule's URL as git will use it: one that starts with a dot is relative to the repository's."""
    if not url.startswith(("./", "../")):
        return url
    above = repository.rstrip("/")
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            cut = max(above.rfind("/"), above.rfind(":"))
            above, url = above[: max(cut, 0)] if above[cut : cut + 1] != ":" else above[: cut + 1], url[3:]
        else:
            url = url[2:]
    return above + url if above.endswith(":") else f"{above}/{url}"


def mirror_folder(repository: str) -> str:
    """Return the name of a repository's mirror: every character but ASCII letters and digits becomes `-`."""
    return re.sub(r"[^A-Za-z0-9]", "-", repository)
