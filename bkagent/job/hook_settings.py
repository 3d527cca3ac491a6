"""The settings that hooks may change: how the code is checked out, and which artifacts go where."""

from __future__ import annotations

from typing import Callable, Dict, Mapping

from bkagent.checkout import checkout_settings
from bkagent.checkout.checkout_settings import REFRESHED, Checkout

Complain = Callable[[str], None]


class HookSettings:
    """These settings as the environment last had them; what is not set there has its default."""

    def __init__(self, environ: Mapping[str, str], complain: Complain) -> None:
        self.checkout: Checkout = checkout_settings.read(environ, complain)
        self._texts = _texts(environ)

    @property
    def artifact_paths(self) -> str:
        """The files that are uploaded after the command, as globs."""
        return str(self.checkout.artifact_paths)

    @property
    def artifact_destination(self) -> str:
        """The destination of artifacts; "" for the control plane's own storage."""
        return str(self.checkout.artifact_destination)

    @property
    def always_fresh_plugins(self) -> bool:
        """Whether plugins are cloned anew for the job."""
        return bool(self.checkout.always_fresh_plugins)

    def refresh(self, env: Mapping[str, str], complain: Complain) -> Dict[str, str]:
        """Take over what was set, changed and unset; return the texts of those set variables that changed a setting."""
        texts, before = _texts(env), self.checkout
        if texts == self._texts:
            return {}
        changed = [name for name, text in texts.items() if self._texts.get(name) != text]
        self._texts, self.checkout = texts, before.refreshed(env, complain)
        # Other words for the same, or nonsense, change nothing.
        return {name: texts[name] for name in changed if self._has_changed(name, before)}

    def _has_changed(self, name: str, before: Checkout) -> bool:
        field = REFRESHED[name]
        return bool(getattr(before, field) != getattr(self.checkout, field))


def _texts(env: Mapping[str, str]) -> Dict[str, str]:
    return {name: env[name] for name in REFRESHED if name in env}
