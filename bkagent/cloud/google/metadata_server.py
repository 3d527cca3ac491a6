"""The service account that a machine, a container or a pod of Google Cloud has from its metadata server.

https://cloud.google.com/compute/docs/metadata/querying-metadata
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Tuple
from urllib.parse import urlencode

from bkagent.cloud.google.configuration import Fetch
from bkagent.cloud.renewal import Expiring
from bkagent.cloud.token_answer import read_token
from bkagent.cloud.token_endpoint import ask
from bkagent.config.secret import Secret
from bkagent.errors import Unreachable, WireError
from bkagent.transport.client.http_client import Pool

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext

HOST_VARIABLE = "GCE_METADATA_HOST"
_ADDRESS = "169.254.169.254"
_TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
# Without it the server refuses: a page in a browser of the machine could not send it.
_FLAVOR = {"Metadata-Flavor": "Google"}
_PROBE_LIMIT_S = 3.0  # elsewhere nothing answers at this address, and nothing refuses the connection either


def is_present(context: CloudContext) -> bool:
    """Return whether this machine has such a server: a variable says so, or something that calls itself so answers."""
    if context.environ.get(HOST_VARIABLE):
        return True
    url = _url(context)
    try:
        with closing(_direct_pool()) as pool:
            response = pool.request_url("GET", url + "/", _headers(context), timeout_s=_PROBE_LIMIT_S)
    except Unreachable:
        return False
    return response.headers.get("Metadata-Flavor") == "Google"


def source(context: CloudContext, scopes: Tuple[str, ...]) -> Fetch:
    """Return what fetches tokens of the machine's service account."""
    url = f"{_url(context)}{_TOKEN_PATH}?{urlencode({'scopes': ','.join(scopes)})}"

    def fetch() -> Expiring[Secret]:
        with closing(_direct_pool()) as pool:
            response = ask(context._replace(pool=pool), "GET", url, _headers(context))
        if response.headers.get("Metadata-Flavor") != "Google":
            raise WireError(f"{_url(context)}: the answer does not come from Google's metadata server")
        return read_token(response.body, "the metadata server", context.now())

    return fetch


def _url(context: CloudContext) -> str:
    return f"http://{context.environ.get(HOST_VARIABLE) or _ADDRESS}"


def _headers(context: CloudContext) -> "dict[str, str]":
    return {**_FLAVOR, "User-Agent": context.user_agent}


def _direct_pool() -> Pool:
    """Return connections that no proxy sees: the address means another machine there."""
    return Pool("http://localhost", {})
