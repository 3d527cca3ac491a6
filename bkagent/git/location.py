"""Where a repository is: the forms in which git takes an address, and what they say about the host."""

import re
from typing import NamedTuple, Optional
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# git's short form for ssh, [user@]host:path. One letter before the colon is a Windows drive.
_SHORT = re.compile(r"(?:(?P<user>[^@/\\]+)@)?(?P<host>[^:/\\@]*):(?P<path>.+)", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_USER_CHARACTERS = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")


class Location(NamedTuple):
    """A repository's address. `host` holds the port where one is given; `path` is decoded."""

    scheme: str
    user: str
    host: str
    hostname: str
    port: str
    path: str


def parse(repository: str) -> Optional[Location]:
    """Return the parts of an address, or None where it is none. Anything without a scheme or a host is a path."""
    if _SCHEME.match(repository):
        return _url(repository)
    short = _SHORT.fullmatch(repository)
    if short and (short["user"] or len(short["host"]) > 1):
        return _short(short["user"] or "", short["host"], short["path"])
    path = repository.replace("\\", "/")
    return Location("file", "", "", "", "", path if path.startswith("/") else "/" + path)


def has_helper(repository: str) -> bool:
    """Say whether a program of its own speaks to the repository, as in `codecommit::us-east-1://name`."""
    return _HELPER.match(repository) is not None


def resolve_relative(url: str, repository: str) -> str:
    """Return a submodule's URL as git will use it: one that starts with a dot counts from the repository's own."""
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


def _short(user: str, host: str, path: str) -> Optional[Location]:
    if not _USER_CHARACTERS.fullmatch(user) or "[" in host:
        return None
    path = path.split("#", 1)[0]
    return Location("ssh", user, host, host, "", path if path.startswith("/") else "/" + path)


def _url(text: str) -> Optional[Location]:
    try:
        parts = urlsplit(text)
        hostname, port = parts.hostname or "", "" if parts.port is None else str(parts.port)
    except ValueError:
        return None
    user, has_user, host = parts.netloc.rpartition("@")
    if has_user and not _USER_CHARACTERS.fullmatch(user):
        return None
    return Location(parts.scheme, unquote(user), host, hostname, port, unquote(parts.path))
