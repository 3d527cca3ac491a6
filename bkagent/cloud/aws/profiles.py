"""Profiles of ~/.aws/config and ~/.aws/credentials: who to be, and how to become it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Dict, Mapping, Tuple

from bkagent.cloud.aws import profile_file
from bkagent.cloud.aws.profile_file import Section
from bkagent.errors import AgentError, ConfigError

LARGEST_BYTES = 1024 * 1024
DEFAULT = "default"
# Of the credentials file these two count together or not at all.
_KEY_PAIR = ("aws_access_key_id", "aws_secret_access_key")


@dataclass(frozen=True)
class Profile:
    """The settings of one profile; one that is missing is ""."""

    name: str
    settings: Mapping[str, object] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """Return a setting."""
        setting = self.settings.get(name)
        return setting if isinstance(setting, str) else ""

    def inner(self, name: str) -> Mapping[str, str]:
        """Return the settings inside one."""
        setting = self.settings.get(name)
        return setting if isinstance(setting, dict) else {}


class Profiles:
    """What the two files say. The credentials file wins where both have a setting."""

    def __init__(self, sections: Mapping[str, Section], paths: Tuple[str, ...]) -> None:
        self._sections, self._paths = sections, paths

    def has(self, name: str) -> bool:
        """Return whether there is a profile of that name."""
        return name in self._sections

    def profile(self, name: str) -> Profile:
        """Return a profile; `default` may be missing, and is empty then. Raises ConfigError for any other."""
        if name not in self._sections and name != DEFAULT:
            raise ConfigError(f'there is no AWS profile "{name}" in {" or ".join(self._paths) or "any file"}')
        profile = Profile(name, self._sections.get(name, {}))
        if any(profile.text(part) for part in _KEY_PAIR) and not all(profile.text(part) for part in _KEY_PAIR):
            raise ConfigError(f'the AWS profile "{name}" has only one of {" and ".join(_KEY_PAIR)}')
        return profile

    def section(self, kind: str, name: str) -> Profile:
        """Return a section that is no profile ("sso-session", "services"). Raises ConfigError where it is missing."""
        section = self._sections.get(f"{kind} {name}")
        if section is None:
            raise ConfigError(f"there is no section [{kind} {name}] in {self._paths[0] if self._paths else 'any file'}")
        return Profile(name, section)


def load(environ: Mapping[str, str], home: str) -> Profiles:
    """Return what the files of AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE say, else those below ~/.aws.

    A file that is missing or cannot be read counts as empty. Raises ConfigError for one that is no text.
    """
    config = _path(environ, "AWS_CONFIG_FILE", home, "config")
    credentials = _path(environ, "AWS_SHARED_CREDENTIALS_FILE", home, "credentials")
    sections: Dict[str, Section] = {}
    for heading, section in _read(config).items():
        kind, _, name = heading.partition(" ")
        if kind == "profile" and name:
            sections[name] = section
        elif heading == DEFAULT:
            sections.setdefault(heading, section)
        elif kind in ("sso-session", "services"):
            sections[heading] = section
    for heading, section in _read(credentials).items():
        if not heading.startswith("profile "):
            sections[heading] = {**sections.get(heading, {}), **section}
    return Profiles(sections, tuple(path for path in (config, credentials) if path))


def _path(environ: Mapping[str, str], variable: str, home: str, name: str) -> str:
    named = environ.get(variable, "")
    if named:
        return os.path.join(home, named[2:]) if named.startswith("~/") and home else named
    return os.path.join(home, ".aws", name) if home else ""


def _read(path: str) -> Dict[str, Section]:
    if not path:
        return {}
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST_BYTES + 1)
    except OSError:
        return {}
    if len(text) > LARGEST_BYTES:
        raise ConfigError(f"{path} has more than {LARGEST_BYTES} bytes, which is too many for a file of AWS profiles")
    try:
        return profile_file.parse(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no file of AWS profiles: it is not in UTF-8") from None


def read_small_file(path: str, what: str) -> str:
    """Return the text of a file that a setting names, without blanks around it. Raises AgentError naming both."""
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST_BYTES + 1)
    except OSError as problem:
        raise AgentError(f"{what}: cannot read {path}: {problem.strerror or problem}") from None
    if len(text) > LARGEST_BYTES:
        raise AgentError(f"{what}: {path} has more than {LARGEST_BYTES} bytes")
    try:
        return text.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise AgentError(f"{what}: {path} is not in UTF-8") from None
