"""Connection strings of storage accounts: where the Blob service is, and what opens it.

https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Union

from bkagent.cloud.azure.shared_access_signature import SharedAccessSignature
from bkagent.cloud.azure.shared_key import SharedKey
from bkagent.errors import ConfigError

# The emulator's, which is the same everywhere and known to everyone:
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
EMULATOR_ACCOUNT = "devstoreaccount1"
EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_EMULATOR_PORT = 10000
_KEYS = (
    "DefaultEndpointsProtocol", "AccountName", "AccountKey", "EndpointSuffix", "BlobEndpoint", "SharedAccessSignature",
    "UseDevelopmentStorage", "DevelopmentStorageProxyUri",
)  # fmt: skip
_BY_LOWER_NAME = {name.lower(): name for name in _KEYS}


@dataclass(frozen=True)
class BlobAccess:
    """endpoint     of the Blob service, without a slash at its end
    credential   signs its requests
    """

    endpoint: str
    credential: Union[SharedKey, SharedAccessSignature]


def parse(text: str, source: str) -> BlobAccess:
    """Read a connection string. Raises ConfigError naming `source` and the key that is wrong, and no value.

    Unknown keys pass: connection strings name the endpoints of other services, too.
    """
    pairs = _pairs(text, source)
    if pairs.get("UseDevelopmentStorage", "").lower() == "true":
        proxy = pairs.get("DevelopmentStorageProxyUri", "http://127.0.0.1").rstrip("/")
        endpoint = f"{proxy}:{_EMULATOR_PORT}/{EMULATOR_ACCOUNT}"
        return BlobAccess(endpoint, SharedKey.read(EMULATOR_ACCOUNT, EMULATOR_KEY, source))
    endpoint = pairs.get("BlobEndpoint") or _default_endpoint(pairs, source)
    if not endpoint.lower().startswith(("http://", "https://")):
        raise ConfigError(f"BlobEndpoint of {source} must begin with https:// or http://")
    return BlobAccess(endpoint.rstrip("/"), _credential(pairs, source))


def _pairs(text: str, source: str) -> Dict[str, str]:
    pairs: Dict[str, str] = {}
    for piece in text.strip().strip(";").split(";"):
        name, equals, value = piece.partition("=")
        if not equals:
            raise ConfigError(f"{source} is not a connection string: pairs NAME=VALUE separated by semicolons")
        pairs[_BY_LOWER_NAME.get(name.strip().lower(), name)] = value.strip()
    return pairs


def _default_endpoint(pairs: Dict[str, str], source: str) -> str:
    account = pairs.get("AccountName")
    if not account:
        raise ConfigError(f"{source} must have AccountName or BlobEndpoint")
    protocol = pairs.get("DefaultEndpointsProtocol", "https").lower()
    if protocol not in ("http", "https"):
        raise ConfigError(f"DefaultEndpointsProtocol of {source} must be https or http")
    return f"{protocol}://{account}.blob.{pairs.get('EndpointSuffix') or 'core.windows.net'}"


def _credential(pairs: Dict[str, str], source: str) -> Union[SharedKey, SharedAccessSignature]:
    if pairs.get("AccountName") and pairs.get("AccountKey"):
        return SharedKey.read(pairs["AccountName"], pairs["AccountKey"], source)
    if pairs.get("SharedAccessSignature"):
        return SharedAccessSignature.read(pairs["SharedAccessSignature"], f"SharedAccessSignature of {source}")
    raise ConfigError(f"{source} must have AccountName and AccountKey, or SharedAccessSignature")
