"""The services that keep keys for signatures, and what opens a key of each.

A service is a row here and a module with `open_key(name, context) -> ServiceKey`; `jose/service_key.py` says what that
does.
"""

from __future__ import annotations

import dataclasses
import importlib
import time
from typing import TYPE_CHECKING, NamedTuple, Optional

from bkagent.cli.in_job import client
from bkagent.cloud.cloud_context import CloudContext
from bkagent.config import paths
from bkagent.config.compat import COMPAT, Compat
from bkagent.config.options import agent_signing, pipeline
from bkagent.errors import AgentError
from bkagent.system import host
from bkagent.transport.client.http_client import Pool

if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.config.option import Option
    from bkagent.jose.service_key import ServiceKey


class KeyService(NamedTuple):
    """One service.

    title         for people
    option        of commands that sign: names the key
    start_option  of `start`: names the key by which jobs sign, and their signatures are verified
    module        has `open_key`; loaded where a key is named
    """

    title: str
    option: Option
    start_option: Option
    module: str


_ENTRY = "open_key"  # the function of a service's module

# In the order in which the reference looks at their options.
ALL = (
    KeyService("AWS KMS", pipeline.AWS_KMS_KEY, agent_signing.SIGNING_AWS_KMS_KEY, "bkagent.cloud.aws.key_management"),
    KeyService("Google Cloud KMS", pipeline.GCP_KMS_KEY, agent_signing.SIGNING_GCP_KMS_KEY, "bkagent.cloud.google.kms"),
)


def signing_key(call: Call) -> Optional[ServiceKey]:
    """Return the key that the options of a signing command name, None where they name none. Raises AgentError."""
    key = _first(call, "option")
    if key is None or Compat(call.settings[COMPAT]).names_service_keys:
        return key
    return dataclasses.replace(key, key_id="")


def agent_key(call: Call) -> Optional[ServiceKey]:
    """Return the key that the options of `start` name, None where they name none. Raises AgentError."""
    return _first(call, "start_option")


def _first(call: Call, field: str) -> Optional[ServiceKey]:
    for service in ALL:
        option = getattr(service, field)
        if call.settings[option]:
            return _open_key(call, service, option)
    return None


def _open_key(call: Call, service: KeyService, option: Option) -> ServiceKey:
    named = f"{option.name} (from the {call.settings.origin(option)})"
    try:
        open_key = getattr(importlib.import_module(service.module), _ENTRY)
        key: ServiceKey = open_key(call.settings[option], _context(call))
    except AgentError as problem:
        raise AgentError(f"{named}: {problem}") from None
    return key


def _context(call: Call) -> CloudContext:
    # Used with whole URLs only.
    pool = Pool("http://localhost", call.environ, request_log=client.request_log(call))
    return CloudContext(pool, call.environ, paths.home(call.environ), host.user_agent(), call.report, _wait)


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False
