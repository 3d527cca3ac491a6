"""Application default credentials: where a program finds who it is to Google Cloud, the first place that has something.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Optional, Tuple

from bkagent.cloud.google import credential_types, metadata_server
from bkagent.cloud.google.configuration import Fetch, read_configuration, read_file
from bkagent.cloud.renewal import Renewal
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError, WireError
from bkagent.system.system_kind import ON_WINDOWS

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext

FILE_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_PROJECT_VARIABLE = "GOOGLE_CLOUD_QUOTA_PROJECT"
_WELL_KNOWN = "application_default_credentials.json"
# The metadata server has a new token 4 minutes before the old one expires. Source: google.ComputeTokenSource for Go.
_EARLY_S = 225.0


@dataclass(frozen=True)
class Credentials:
    """tokens         an access token for the Authorization header, renewed in time; one request for all threads
    quota_project  is to be charged for requests (x-goog-user-project), "" for the credential's own
    where          names the source for messages
    """

    tokens: Renewal[Secret]
    quota_project: str
    where: str


@dataclass(frozen=True)
class _Source:
    where: str
    fetch: Fetch
    quota_project: str = ""


def find_credentials(context: CloudContext, scopes: Tuple[str, ...]) -> Credentials:
    """Return what the environment, gcloud or the machine has. Raises ConfigError where there is nothing."""
    for look in _PLACES:
        source = look(context, scopes)
        if source is not None:
            return _credentials(context, source)
    raise ConfigError(
        f"there are no credentials for Google Cloud: {FILE_VARIABLE} is not set, {_well_known_path(context) or 'HOME'} "
        "does not exist, and this machine has no metadata server"
    )


def read_credentials(context: CloudContext, text: bytes, where: str, scopes: Tuple[str, ...]) -> Credentials:
    """Return the credentials of a configuration. Raises ConfigError, naming `where` it came from."""
    return _credentials(context, _source(context, text, where, scopes))


def _credentials(context: CloudContext, source: _Source) -> Credentials:
    context.report("debug", f"Access tokens of Google Cloud come from {source.where}")
    tokens = Renewal(
        source.fetch, context.now, context.report, what="access token of Google Cloud", early_s=_EARLY_S
    )  # fmt: skip
    return Credentials(tokens, context.environ.get(_PROJECT_VARIABLE) or source.quota_project, source.where)


def _source(context: CloudContext, text: bytes, where: str, scopes: Tuple[str, ...]) -> _Source:
    try:
        configuration = read_configuration(context, text, where, scopes)
        fetch = credential_types.open_source(configuration)
        return _Source(where, fetch, configuration.fields.text("quota_project_id", ""))
    except WireError as problem:  # which as the answer of a server would be worth another try
        raise ConfigError(str(problem)) from problem


def _look_in_variable(context: CloudContext, scopes: Tuple[str, ...]) -> Optional[_Source]:
    path = context.environ.get(FILE_VARIABLE)
    if not path:
        return None
    where = f"{path} ({FILE_VARIABLE})"
    return _source(context, read_file(path, where), where, scopes)


def _look_in_gcloud(context: CloudContext, scopes: Tuple[str, ...]) -> Optional[_Source]:
    path = _well_known_path(context)
    if not path or not os.path.isfile(path):
        return None
    where = f"{path} (gcloud)"
    return _source(context, read_file(path, where), where, scopes)


def _look_at_metadata_server(context: CloudContext, scopes: Tuple[str, ...]) -> Optional[_Source]:
    if not metadata_server.is_present(context):
        return None
    return _Source("the metadata server", metadata_server.source(context, scopes))


_PLACES: Tuple[Callable[[CloudContext, Tuple[str, ...]], Optional[_Source]], ...] = (
    _look_in_variable,
    _look_in_gcloud,
    _look_at_metadata_server,
)


def _well_known_path(context: CloudContext) -> str:
    """Return the path of gcloud's file, "" where there is no home folder."""
    if ON_WINDOWS:
        folder = context.environ.get("APPDATA", "")
    else:
        folder = os.path.join(context.home, ".config") if context.home else ""
    return os.path.join(folder, "gcloud", _WELL_KNOWN) if folder else ""
