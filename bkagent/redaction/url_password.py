"""A URL for the log, without the password in it."""

import re

from bkagent.wire import go_url

INVALID = "(invalid URL)"

_SCHEME = re.compile(r"[^:]+://")


def masked(url: str) -> str:
    """Return `url` with its password as `xxxxx`. What has a scheme and cannot be taken apart is "(invalid URL)".

    What has no scheme is shown as it is: a path, or an address of ssh's short form, which has no password.
    """
    try:
        parts = go_url.parse(url)
    except go_url.BadUrl:
        return INVALID if _SCHEME.match(url) else url
    return url if parts.password is None else parts.with_password("xxxxx")
