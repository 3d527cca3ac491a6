"""Credentials that a container is given at a URL: by ECS, by EKS Pod Identity, by Greengrass.

Source: docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Mapping

from bkagent.cloud.aws import credential_answer, error_answers
from bkagent.cloud.aws.credentials import AwsCredentials, Fetch, NoCredentials
from bkagent.cloud.aws.profiles import read_small_file
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.renewal import Expiring
from bkagent.errors import ConfigError
from bkagent.transport.client.address import parse

RELATIVE, FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_ECS = "http://169.254.170.2"
# Of ECS, and of EKS in both families of addresses: the only ones without TLS, besides this machine's own.
_ALLOWED = frozenset(("169.254.170.2", "169.254.170.23", "fd00:ec2::23"))
_SILENCE_LIMIT_S = 10.0


def is_configured(environ: Mapping[str, str]) -> bool:
    """Return whether there is a URL."""
    return bool(environ.get(RELATIVE) or environ.get(FULL))


def container_credentials(settings: AwsSettings) -> Fetch:
    """Return a source that asks the URL. Raises ConfigError for one that must not be told the token."""
    environ = settings.environ
    url = _below_ecs(environ[RELATIVE]) if environ.get(RELATIVE) else _checked(environ.get(FULL, ""))

    def fetch() -> Expiring[AwsCredentials]:
        headers = {"Accept": "application/json", "User-Agent": settings.context.user_agent}
        token = _token(environ)
        if token:
            headers["Authorization"] = token
        response = settings.context.pool.request_url(
            "GET", url, headers, timeout_s=_SILENCE_LIMIT_S, follow_redirects=False
        )
        if not 200 <= response.status < 300:
            raise error_answers.error_of(f"GET {parse(url).shown}", response)
        what = f"the answer of {parse(url).shown}"
        return credential_answer.read(credential_answer.fields_of(response.body, what), what, "the container")

    return fetch


def _below_ecs(path: str) -> str:
    """Return the URL of a path. Raises ConfigError for what would change the host ("@evil.test/", "3/")."""
    if not path.startswith("/"):
        raise ConfigError(f"{RELATIVE} must be a path that begins with /")
    return _ECS + path


def _checked(url: str) -> str:
    """Return a URL whose host may be told the token: by TLS any, else an address of this machine, of ECS or of EKS."""
    address = parse(url, FULL)
    if address.scheme == "https":
        return url
    try:
        hosts = {str(entry[4][0]) for entry in socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as problem:
        raise ConfigError(f"{FULL}: there is no host {address.host} ({problem})") from None
    if not all(ip_address(host.partition("%")[0]).is_loopback or host in _ALLOWED for host in hosts):
        raise ConfigError(
            f"{FULL} names the host {address.host}; without TLS only loopback addresses and those of ECS and EKS "
            f"({', '.join(sorted(_ALLOWED))}) may be asked"
        )
    return url


def _token(environ: Mapping[str, str]) -> str:
    token = environ.get(TOKEN, "")
    if environ.get(TOKEN_FILE):
        token = read_small_file(environ[TOKEN_FILE], TOKEN_FILE)
    if "\r" in token or "\n" in token:
        raise NoCredentials(f"{TOKEN_FILE if environ.get(TOKEN_FILE) else TOKEN} has a line break in it")
    return token
