"""What signs: a private key that is at hand (`jwk.Jwk`), or one that a service keeps (`service_key.ServiceKey`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from bkagent.jose.jwk import Jwk

    class SigningKey(Protocol):
        """A key by which `jws.sign` signs."""

        @property
        def algorithm(self) -> str:
            """Its name in RFC 7518, such as ES256; "" where it is unknown, and nothing is signed."""

        @property
        def key_id(self) -> str:
            """Names the key in the header of each signature (`kid`); "" leaves it out."""

        @property
        def public(self) -> Jwk:
            """By which others verify."""

        @property
        def thumbprint(self) -> str:
            """Names the public key among all others, in hexadecimal digits."""

        def sign(self, message: bytes) -> bytes:
            """Return the signature of a whole message, in the form of RFC 7518. Raises AgentError."""
