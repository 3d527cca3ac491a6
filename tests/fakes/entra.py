"""Microsoft Entra ID, as far as it gives tokens: over TLS, with what each request has to prove."""

from __future__ import annotations

import base64
import json
import ssl
import time
from typing import Any, Dict, List, Optional
from urllib.parse import parse_qs

from tests.fakes.scripted_server import Answer, Request, ScriptedServer

TENANT, CLIENT = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"


def token(number: int = 0, lifetime_s: int = 3600) -> str:
    """Return a token that Azurite takes: it looks at everything but the signature."""
    now_s = int(time.time())
    claims = {
        "aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{TENANT}/", "iat": now_s,
        "nbf": now_s - 60, "exp": now_s + lifetime_s, "number": number,
    }  # fmt: skip
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*texts, base64.urlsafe_b64encode(b"signature").rstrip(b"=").decode()])


class Entra:
    """Use as `with Entra(tls) as entra`. `forms` has every form that asked for a token; `faults` come first."""

    def __init__(self, tls: Optional[ssl.SSLContext]) -> None:
        self.forms: List[Dict[str, str]] = []
        self.faults: List[Any] = []
        self.lifetime_s = 3600
        self._server = ScriptedServer({f"POST /{TENANT}/oauth2/v2.0/token": self._give}, tls)
        self.port, self.url = self._server.port, self._server.url

    def __enter__(self) -> Entra:
        return self

    def __exit__(self, *parts: object) -> None:
        self._server.__exit__(*parts)

    def _give(self, request: Request) -> Any:
        self.forms.append({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        if self.faults:
            return self.faults.pop(0)
        answer = {"token_type": "Bearer", "expires_in": self.lifetime_s}
        return Answer(200, {**answer, "access_token": token(len(self.forms), self.lifetime_s)})
