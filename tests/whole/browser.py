"""Requests as a browser, a program or a stranger sends them: raw answers, redirects not followed."""

from __future__ import annotations

import http.client
import re
from typing import Dict, List, Optional, Tuple
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 30


class Answered:
    """One answer."""

    def __init__(self, status: int, headers: List[Tuple[str, str]], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers}
        self.cookies = [value for name, value in headers if name.lower() == "set-cookie"]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


def ask(url: str, method: str = "GET", *, body: Optional[bytes] = None, address: str = "", **headers: str) -> Answered:
    """Send one request to a URL, or with its head to another address; return the whole answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(address or str(parts.hostname), parts.port or 80, timeout=TIMEOUT_S)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {name.replace("_", "-"): value for name, value in headers.items() if value}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        # A stream has no end to wait for.
        streams = (answer.getheader("Content-Type") or "").startswith("text/event-stream")
        return Answered(answer.status, answer.getheaders(), answer.fp.readline() if streams else answer.read())
    finally:
        connection.close()


class Browser:
    """Keeps the cookies of one server, as a browser does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: Dict[str, str] = {}

    def ask(self, path: str, method: str = "GET", *, body: Optional[bytes] = None, **headers: str) -> Answered:
        headers.setdefault("Accept", "text/html")
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = ask(path if path.startswith("http") else self.url + path, method, body=body, **headers)
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return answer

    def send(self, path: str, **fields: str) -> Answered:
        """Send a form."""
        kind = "application/x-www-form-urlencoded"
        return self.ask(path, "POST", body=urlencode(fields).encode(), Content_Type=kind)

    def log_in(self, token: str) -> Answered:
        """Send the login form with a token in it."""
        return self.send("/-/login", form_token=form_token(self.ask("/-/login")), token=token)


def form_token(page: Answered) -> str:
    """Return the hidden token of the form on a page."""
    (token,) = re.findall(r'<input type="hidden" name="form_token" value="([0-9a-f]+)">', page.text)
    return str(token)
