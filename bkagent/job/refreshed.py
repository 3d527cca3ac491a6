"""The settings that hooks may change: how the code is checked out, and which artifacts go where."""

from __future__ import annotations

from typing import Callable, Dict, Mapping

from bkagent.checkout import settings as checkout_settings
from bkagent.checkout.settings import Checkout

ARTIFACT_PATHS = "BUILDKITE_ARTIFACT_PATHS"
ARTIFACT_DESTINATION = "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION"
NAMES = checkout_settings.REFRESHED | {ARTIFACT_PATHS, ARTIFACT_DESTINATION, "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH"}

Complain = Callable[[str], None]


class Refreshed:
    """These settings as the environment last had them. Only variables that are set count."""

    def __init__(self, environ: Mapping[str, str], complain: Complain) -> None:
        self.checkout: Checkout = checkout_settings.read(environ, complain)
        self.artifact_paths = environ.get(ARTIFACT_PATHS, "")
        self.artifact_destination = environ.get(ARTIFACT_DESTINATION, "")
        self._texts = _texts(environ)

    def refresh(self, env: Mapping[str, str], complain: Complain) -> Dict[str, str]:
        """Take over what has changed; return the new texts of those variables."""
        texts = _texts(env)
        changed = {name: text for name, text in texts.items() if self._texts.get(name) != text}
        self._texts.update(texts)
        if changed:
            self.checkout = self.checkout.refreshed(env, complain)
            self.artifact_paths = self._texts.get(ARTIFACT_PATHS, "")
            self.artifact_destination = self._texts.get(ARTIFACT_DESTINATION, "")
        return changed


def _texts(env: Mapping[str, str]) -> Dict[str, str]:
    return {name: env[name] for name in NAMES if name in env}
