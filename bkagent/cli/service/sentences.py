"""Sentences for what Windows says by numbers when it refuses something about a service. Source: winerror.h."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from bkagent.errors import AgentError
from bkagent.system.service.service_types import ServiceError

_SENTENCES = {
    2: "the service {name} cannot be started, as its Python or its archive is missing; remove and install it again",
    3: "the service {name} cannot be started, as its Python or its archive is missing; remove and install it again",
    5: 'only administrators may do this to the service {name}: use a window opened by "Run as administrator"',
    1053: "the service {name} did not answer in time; look at: bkagent service logs --name {name}",
    1056: "the service {name} is already running",
    1057: "Windows does not know the account of the service {name}, or its password is wrong (--run-as)",
    1058: "the service {name} is disabled; enable it with: sc config {name} start= auto",
    1060: "there is no service {name}; bkagent service install adds it",
    1061: "the service {name} is starting or stopping; wait for that and try again",
    1062: "the service {name} is not running",
    1063: "service-process is run by Windows alone; start the service with: bkagent service start",
    1069: "Windows could not log on the account of the service {name}: its password is wrong, or it lacks the right "
    '"Log on as a service" (secpol.msc, Local Policies, User Rights Assignment)',
    1072: "the service {name} is about to be removed: close the Services window and other programs that show it",
    1073: "there is a service {name} already; choose another --name, or remove it with: bkagent service remove",
    1078: "there is a service with the name {name} already; choose another --name",
    1332: "Windows does not know the account of the service {name} (--run-as)",
}


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Raise AgentError with a sentence in place of a ServiceError about the service `name`."""
    try:
        yield
    except ServiceError as error:
        raise AgentError(sentence(error, name)) from None


def sentence(error: ServiceError, name: str) -> str:
    """Return what the error means to a user; for an unknown one, Windows' own sentence."""
    known = _SENTENCES.get(error.code)
    return known.format(name=name) if known else f"the service {name}: {error} (Windows error {error.code})"
