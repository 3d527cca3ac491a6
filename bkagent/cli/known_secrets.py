"""The secrets that a command knows of: the values of secret options, and those of variables that have secret names."""

from bkagent.config.options.job import DEFAULT_REDACTED_VARS, REDACTED_VARS
from bkagent.config.settings import Source, resolve
from bkagent.redaction.known import KnownSecrets
from bkagent.redaction.variables import values_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from bkagent.config.settings import Settings


def read(settings: "Settings", environ: "Mapping[str, str]") -> KnownSecrets:
    """Return them; without `redacted-vars` among the settings the patterns are those of the environment."""
    if REDACTED_VARS in settings:
        patterns = settings[REDACTED_VARS]
    else:
        patterns = resolve((REDACTED_VARS,), Source({}, environ), lambda sentence: None)[REDACTED_VARS]
    secrets = values_of(environ, patterns)
    if secrets.bad_patterns:  # nothing is found by those, and that must not show everything
        secrets = values_of(environ, DEFAULT_REDACTED_VARS)
    return KnownSecrets((*settings.secrets(), *secrets.values))
