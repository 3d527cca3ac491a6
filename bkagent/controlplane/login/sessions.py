"""Sessions of browsers that have logged in to the pages: each is a cookie here, kept in this process alone.

The cookie's name is random: browsers share the cookies of one host among all its ports, so two servers of one machine
would overwrite each other's. A session ends with the server, with the API token under which it began, by logging out,
or after a week of silence.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Callable, List, Optional

from bkagent.controlplane.tokens import Tokens
from bkagent.transport.server.answer import Headers

SESSIONS_COUNT = 1000  # beyond this, the session that was not used for longest ends
SILENCE_LIMIT_S = 7 * 86400.0
_MOST_COOKIES = 8


@dataclass(frozen=True)
class LoginSession:
    """The session of one browser.

    form_token   what its forms carry, so that no page of another site can send them
    token_mark   hash of the API token under which it began
    seen_at      when it was used last, in seconds of the clock
    """

    form_token: str
    token_mark: str
    seen_at: float


class LoginSessions:
    """The sessions of one server. `secure` cookies go over HTTPS alone. Safe for any thread."""

    def __init__(self, tokens: Tokens, *, secure: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens, self._clock = tokens, clock
        self.attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        # Browsers take a cookie of this prefix only from the host itself, over HTTPS.
        self.cookie_name = ("__Host-" if secure else "") + "bkagent_" + secrets.token_hex(8)
        self._lock = threading.Lock()
        self._open: "OrderedDict[str, LoginSession]" = OrderedDict()  # by the hash of the cookie's value, by last use

    def begin(self) -> Headers:
        """Open a session; return the header that gives its cookie to the browser."""
        value = secrets.token_hex(32)
        session = LoginSession(secrets.token_hex(32), _hash(self._tokens.api), self._clock())
        with self._lock:
            self._open[_hash(value)] = session
            while len(self._open) > SESSIONS_COUNT:
                self._open.popitem(last=False)
        return (("Set-Cookie", f"{self.cookie_name}={value}{self.attributes}"),)

    def of(self, cookies: str) -> Optional[LoginSession]:
        """Return the session that a Cookie header names, None for one that is unknown or has ended."""
        token_mark, now = _hash(self._tokens.api), self._clock()
        with self._lock:
            for key in self._keys(cookies):
                session = self._open.get(key)
                if session is None:
                    continue
                if now - session.seen_at > SILENCE_LIMIT_S or not hmac.compare_digest(session.token_mark, token_mark):
                    del self._open[key]
                    continue
                self._open[key] = replace(session, seen_at=now)
                self._open.move_to_end(key)
                return session
        return None

    def end(self, cookies: str) -> Headers:
        """Close the session that a Cookie header names; return the header that takes its cookie away."""
        with self._lock:
            for key in self._keys(cookies):
                self._open.pop(key, None)
        return (("Set-Cookie", f"{self.cookie_name}={self.attributes}; Max-Age=0"),)

    def _keys(self, cookies: str) -> List[str]:
        return [_hash(value) for value in cookie_values(cookies, self.cookie_name)]


def cookie_values(cookies: str, name: str) -> List[str]:
    """Return the values of one name in a Cookie header: other servers of this host may have set some, too."""
    pattern = rf"(?:^|[;,])[ \t]*{re.escape(name)}=([0-9a-f]{{64}})(?=[ \t]*(?:[;,]|$))"
    return re.findall(pattern, cookies)[:_MOST_COOKIES]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
