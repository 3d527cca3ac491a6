"""The settings that hooks may change: how the code is checked out, and which artifacts go where."""

from __future__ import annotations

from typing import Callable, Dict, Mapping

from bkagent.checkout import checkout_settings as checkout_settings
from bkagent.checkout.checkout_settings import Checkout, boolean

ARTIFACT_PATHS = "BUILDKITE_ARTIFACT_PATHS"
ARTIFACT_DESTINATION = "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION"
FRESH_PLUGINS = "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH"
NAMES = {*checkout_settings.REFRESHED, ARTIFACT_PATHS, ARTIFACT_DESTINATION, FRESH_PLUGINS}

Complain = Callable[[str], None]


class HookSettings:
    """These settings as the environment last had them; what is not set there has its default."""

    def __init__(self, environ: Mapping[str, str], complain: Complain) -> None:
        self.checkout: Checkout = checkout_settings.read(environ, complain)
        self.artifact_paths = environ.get(ARTIFACT_PATHS, "")
        self.artifact_destination = environ.get(ARTIFACT_DESTINATION, "")
        self.always_fresh_plugins = _truth(environ, False, complain)
        self._texts = _texts(environ)

    def refresh(self, env: Mapping[str, str], complain: Complain) -> Dict[str, str]:
        """Take over what was set, changed and unset; return the texts of those set variables that changed a setting."""
        texts, before = _texts(env), self._values()
        if texts == self._texts:
            return {}
        changed = [name for name, text in texts.items() if self._texts.get(name) != text]
        self._texts = texts
        self.checkout = self.checkout.refreshed(env, complain)
        self.artifact_paths = texts.get(ARTIFACT_PATHS, "")
        self.artifact_destination = texts.get(ARTIFACT_DESTINATION, "")
        self.always_fresh_plugins = _truth(texts, self.always_fresh_plugins, complain)
        after = self._values()
        return {name: texts[name] for name in changed if before[name] != after[name]}

    def _values(self) -> Dict[str, object]:
        """Return what each variable has come to mean: other words for the same, or nonsense, change nothing."""
        return {
            **{name: getattr(self.checkout, field) for name, field in checkout_settings.REFRESHED.items()},
            ARTIFACT_PATHS: self.artifact_paths,
            ARTIFACT_DESTINATION: self.artifact_destination,
            FRESH_PLUGINS: self.always_fresh_plugins,
        }


def _truth(environ: Mapping[str, str], before: bool, complain: Complain) -> bool:
    text = environ.get(FRESH_PLUGINS)
    if text is None:
        return False
    try:
        return boolean(text)
    except ValueError:
        complain(f"{FRESH_PLUGINS} is {text!r}, which is not true or false: ignored")
        return before


def _texts(env: Mapping[str, str]) -> Dict[str, str]:
    return {name: env[name] for name in NAMES if name in env}
