"""A URL for the log, without the password in it."""

import re

INVALID = "(invalid URL)"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_HOST = re.compile(r"(?:\[[^\]\s]*\]|[^\[\]\s<>\"/\\^`{|}:]*|[^\[\]\s<>\"/\\^`{|}]*)(?::[0-9]*)?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def masked(url: str) -> str:
    """Return `url` with its password as `xxxxx`, or "(invalid URL)": what cannot be taken apart may hold anything."""
    found = _SCHEME.match(url)
    scheme, rest = (found.group(), url[found.end() :]) if found else ("", url)
    if _CONTROL.search(url) or url.startswith(":"):
        return INVALID
    if not rest.startswith("//"):
        # A path whose first part holds a colon looks like a scheme that is none: host:path, as ssh writes it.
        is_path = not scheme and ":" in re.split(r"[/?#]", rest, maxsplit=1)[0]
        return INVALID if is_path or (_BAD_ESCAPE.search(re.split(r"[?#]", rest)[0]) and not scheme) else url
    end = min((at for at in (rest.find(mark, 2) for mark in "/?#") if at >= 0), default=len(rest))
    user, at, host = rest[2:end].rpartition("@")
    if not _USER.fullmatch(user) or not _HOST.fullmatch(host) or _BAD_ESCAPE.search(user + host):
        return INVALID
    if _BAD_ESCAPE.search(re.split(r"[?#]", rest[end:])[0]):
        return INVALID
    name, colon, _password = user.partition(":")
    return f"{scheme}//{name}{':xxxxx' if colon else ''}{at}{host}{rest[end:]}"
