"""TLS as a client: which certificate authorities are trusted. `ssl` is loaded with the first https connection."""

from __future__ import annotations

import os
import threading

from bkagent.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Dict, Mapping, Tuple

HANDSHAKE_LIMIT_S = 10.0

# Where systems keep their authorities, for a Python whose own idea of the place is empty (python.org on macOS).
_KNOWN_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
)

_contexts: "Dict[Tuple[str, str], ssl.SSLContext]" = {}
_making = threading.Lock()


def context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the context for one environment, made once: loading a system's authorities takes 20 ms.

    SSL_CERT_FILE and SSL_CERT_DIR (folders joined by the path separator) take the place of the system's authorities.
    Raises ConfigError for a file that cannot be read.
    """
    key = (environ.get("SSL_CERT_FILE", ""), environ.get("SSL_CERT_DIR", ""))
    with _making:
        if key not in _contexts:
            _contexts[key] = _make_context(*key)
        return _contexts[key]


def has_contexts() -> bool:
    """Return whether a context was made: the files behind it are not read again."""
    return bool(_contexts)


def _make_context(file: str, folders: str) -> ssl.SSLContext:
    import ssl

    new_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    new_context.minimum_version = ssl.TLSVersion.TLSv1_2
    new_context.set_alpn_protocols(["http/1.1"])
    if not file and not folders:
        new_context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        _load_authorities(new_context)
        return new_context
    try:
        if file:
            new_context.load_verify_locations(cafile=file)
        for folder in folders.split(os.pathsep):
            if folder:
                new_context.load_verify_locations(capath=folder)
    except (OSError, ssl.SSLError) as problem:
        where = f"SSL_CERT_FILE ({file})" if file else f"SSL_CERT_DIR ({folders})"
        raise ConfigError(f"the certificate authorities of {where} cannot be read: {problem}") from problem
    return new_context


def _load_authorities(context: ssl.SSLContext) -> None:
    """Load authorities from well-known paths if Python found none."""
    import ssl

    paths = ssl.get_default_verify_paths()
    if context.cert_store_stats()["x509_ca"] or (
        paths.capath and os.path.isdir(paths.capath) and os.listdir(paths.capath)
    ):
        return
    for path in _KNOWN_FILES:
        if os.path.exists(path):
            context.load_verify_locations(cafile=path)
            return
