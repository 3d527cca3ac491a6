"""Links that log a browser in to the pages of one running server.

A link's secret says until when it is valid, and proves by a keyed hash who made it. Each server makes a new key, which
lies in the data folder while the server runs, so a user who may read that folder can make links without asking the
server. The hash covers the API token: where that is revoked, its links are too.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from typing import Callable, Dict
from urllib.parse import urlencode

from bkagent.controlplane.tokens import Tokens
from bkagent.wire.digits import is_whole

PATH = "/-/login"
VALID_S = 600  # long enough to carry a link to a browser; it may have been printed into a log that others read
_LASTING = "lasting"
_USED_COUNT = 10_000  # so many used links are known as such


def make_secret(key: str, api_token: str, now: float) -> str:
    """Return the secret of a link that works a single time within VALID_S seconds."""
    expires_at, nonce = int(now) + VALID_S, secrets.token_hex(16)
    return f"{expires_at}-{nonce}-{_mark(key, api_token, expires_at, nonce)}"


def link(url: str, secret: str, to: str = "/") -> str:
    """Return the URL that logs a browser in to the server at `url` and leads to the page `to`."""
    query = {"token": secret} if to == "/" else {"token": secret, "to": to}
    return f"{url}{PATH}?{urlencode(query, safe='/')}"


class LoginLinks:
    """The links of one server. Safe for any thread."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.time) -> None:
        self.key = secrets.token_hex(32)
        self._tokens, self._clock = tokens, clock
        self._lock = threading.Lock()
        self._used: Dict[str, None] = {}  # in order; kept after their time, as the clock may be set back

    def new_secret(self) -> str:
        """Return the secret of a new link."""
        return make_secret(self.key, self._tokens.api, self._clock())

    def lasting_secret(self) -> str:
        """Return the secret of a link that works any number of times, as long as this server runs."""
        return f"{_LASTING}-{_mark(self.key, self._tokens.api, 0, _LASTING)}"

    def redeem(self, secret: str) -> bool:
        """Say whether a link's secret is valid; a secret that works once is used up by that."""
        if hmac.compare_digest(secret.encode("utf-8", "replace"), self.lasting_secret().encode()):
            return True
        expires_at, _, rest = secret.partition("-")
        nonce, _, mark = rest.partition("-")
        if not is_whole(expires_at, 15):
            return False
        expected = _mark(self.key, self._tokens.api, int(expires_at), nonce)
        if not hmac.compare_digest(mark.encode("utf-8", "replace"), expected.encode()):
            return False
        with self._lock:
            if int(expires_at) <= self._clock() or nonce in self._used:
                return False
            self._used[nonce] = None
            if len(self._used) > _USED_COUNT:
                del self._used[next(iter(self._used))]
        return True


def _mark(key: str, api_token: str, expires_at: int, nonce: str) -> str:
    text = "\0".join(("login link", str(expires_at), nonce, api_token))
    return hmac.new(key.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
