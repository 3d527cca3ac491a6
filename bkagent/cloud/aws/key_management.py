"""Keys that AWS KMS keeps, for signatures of pipelines.

Source: docs.aws.amazon.com/kms/latest/APIReference, GetPublicKey and Sign.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Dict

from bkagent.cloud.aws import chain, credential_answer, endpoints, region, settings
from bkagent.cloud.aws.client import AwsClient, AwsRequest
from bkagent.cloud.aws.error_answers import AwsRefused
from bkagent.cloud.cloud_context import CloudContext
from bkagent.errors import AgentError, WireError
from bkagent.jose.errors import InvalidKey
from bkagent.jose.service_key import ServiceKey
from bkagent.transport.retry import Schedule, retry
from bkagent.wire import json_text
from bkagent.wire.reader import Reader

# The reference takes keys of this kind alone, so that either program verifies what the other has signed.
_KEY_SPEC, _KEY_USAGE, _JOSE_ALGORITHM, _KMS_ALGORITHM = "ECC_NIST_P256", "SIGN_VERIFY", "ES256", "ECDSA_SHA_256"
_TRIES = Schedule(3, lambda failed: 0.5 * 2.0**failed, (0.0, 0.5))
_ADVICE = {
    "NotFoundException": "there is no such key in this account and region",
    "AccessDeniedException": "the credentials need kms:GetPublicKey and kms:Sign for it",
    "DisabledException": "the key is disabled",
    "KMSInvalidStateException": "the key is disabled, or about to be deleted",
}


def open_key(name: str, context: CloudContext) -> ServiceKey:
    """Return the key of an id, alias or ARN. Raises AgentError with one sentence where it cannot be used."""
    aws = settings.load(context)
    service = _KeyManagement(AwsClient(aws, _endpoint(name, aws), chain.credentials(aws)), context, name)
    what = f"the answer of AWS KMS about the key {name}"
    answer = service.call("GetPublicKey", {"KeyId": name})
    fields = Reader(answer, what)
    usage, spec = fields.text("KeyUsage"), fields.text("KeySpec", "") or fields.text("CustomerMasterKeySpec", "")
    if usage != _KEY_USAGE or spec != _KEY_SPEC:
        raise AgentError(
            f"the AWS KMS key {name} is of {spec} for {usage}, and must be of {_KEY_SPEC} for {_KEY_USAGE}"
        )
    key_arn = name if _is_key_arn(name) else fields.text("KeyId")

    def sign_digest(digest: bytes) -> bytes:
        document = {"KeyId": key_arn, "Message": b64encode(digest).decode("ascii"), "MessageType": "DIGEST"}
        signed = service.call("Sign", {**document, "SigningAlgorithm": _KMS_ALGORITHM})
        return _decoded(signed, "Signature", f"the signature that AWS KMS made with {name}")

    public_der = _decoded(answer, "PublicKey", what)
    try:
        return ServiceKey(_JOSE_ALGORITHM, key_arn, public_der, sign_digest)
    except InvalidKey as problem:
        raise WireError(f"{what}: PublicKey is invalid: {problem}") from None


def _endpoint(name: str, aws: settings.AwsSettings) -> endpoints.Endpoint:
    """Return where the key is: in the region that its ARN names as fourth part, else in that of the settings."""
    parts = name.split(":")
    if parts[0] == "arn" and len(parts) > 5:
        where = endpoints.check_region(parts[3], f"the ARN {name}")
    else:
        where = region.region_of(aws)
    return endpoints.endpoint_for(endpoints.KMS, where, aws)


def _is_key_arn(name: str) -> bool:
    return name.startswith("arn:") and ":key/" in name


class _KeyManagement:
    """Calls of the service about one key, tried again where that may help."""

    def __init__(self, client: AwsClient, context: CloudContext, name: str) -> None:
        self._client, self._context, self._name = client, context, name

    def call(self, operation: str, document: Dict[str, str]) -> Dict[str, object]:
        """Return the answer's fields. Raises AgentError."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"}
        request = AwsRequest("POST", "/", (), headers, json_text.dumps(document).encode("ascii"))
        try:
            response = retry(
                lambda number: self._client.send(request), _TRIES, wait=self._context.wait, report=self._context.report,
                what=f"AWS KMS {operation}",
            )  # fmt: skip
        except AwsRefused as problem:
            advice = _ADVICE.get(problem.code, "")
            raise AgentError(f"AWS KMS {operation} for {self._name}: {advice or 'it is refused'} ({problem})") from None
        return dict(credential_answer.fields_of(response.body, f"the answer of AWS KMS to {operation}"))


def _decoded(fields: Dict[str, object], name: str, what: str) -> bytes:
    text = fields.get(name)
    try:
        return b64decode(text if isinstance(text, str) else "-", validate=True)
    except (binascii.Error, ValueError):
        raise WireError(f"{what}: {name} must be a text in Base64") from None
