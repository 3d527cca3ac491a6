"""One plugin of a step: where it comes from, what it is called, and what it is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Mapping, Tuple

from bkagent.plugins.location import BadPlugins
from bkagent.wire import go_text
from bkagent.wire.go_quoted import go_quote

_REPOSITORY_SEGMENTS = {"github.com": 3, "bitbucket.org": 3}


@dataclass(frozen=True)
class Plugin:
    """A plugin as a step names it. `location` is host and path, `configuration` a JSON object."""

    location: str
    version: str = ""
    scheme: str = ""
    authentication: str = ""
    configuration: Mapping[str, object] = field(default_factory=dict)

    @property
    def vendored(self) -> bool:
        """Whether it lies in the job's own repository."""
        return self.location.startswith(".")

    @property
    def label(self) -> str:
        """The identity of the plugin, whatever its configuration."""
        return f"{self.location}#{self.version}" if self.version else self.location

    @property
    def name(self) -> str:
        """The name in its variables: `docker-compose`."""
        last = self.location.replace("\\", "/").rstrip("/").rpartition("/")[2].lstrip(".")
        dashed = re.sub(r"[^a-z0-9]", "-", re.sub(r"[\t\n\f\r ]+", " ", go_text.lower(last)))
        return dashed.replace("-buildkite-plugin-git", "").replace("-buildkite-plugin", "")

    @property
    def identifier(self) -> str:
        """The name of its folder."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.label).strip("-")

    @property
    def display_name(self) -> str:
        """The name in the log."""
        if self.location.startswith(("/", ".")) or "\\" in self.location:
            return self.name
        try:
            last = self.repository.rpartition("/")[2]
        except BadPlugins:
            return self.name
        last = last[: -len(".git")] if last.endswith(".git") else last
        return f"{last}/{self.subdirectory}" if self.subdirectory else last

    @property
    def repository(self) -> str:
        """The repository to clone. Raises BadPlugins where the location has no repository."""
        path = self._parts()[0]
        if self.authentication:
            path = f"{self.authentication}@{path}"
        return path if path.startswith("/") else f"{self.scheme or 'https'}://{path}"

    @property
    def subdirectory(self) -> str:
        """The folder in the repository, "" for its top. Raises BadPlugins where the location has no repository."""
        return self._parts()[1]

    def _parts(self) -> Tuple[str, str]:
        if not self.location:
            raise BadPlugins("missing plugin location")
        segments = self.location.split("/")
        host = segments[0]
        count = _REPOSITORY_SEGMENTS.get(host, len(segments))
        if host not in (*_REPOSITORY_SEGMENTS, "gitlab.com"):
            count = next((at + 1 for at, segment in enumerate(segments) if segment.endswith(".git")), count)
        if len(segments) < (3 if host in (*_REPOSITORY_SEGMENTS, "gitlab.com") else 2):
            raise BadPlugins(f"incomplete plugin path {go_quote(self.location)}")
        repository = "/".join(segments[:count])
        rest = self.location[len(repository) :]
        rest = rest[1:] if rest.startswith("/") else rest
        return repository, rest[: -len(".git")] if rest.endswith(".git") else rest
