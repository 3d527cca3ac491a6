"""Pipelines: names under which builds are numbered."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Dict, List, Mapping, Optional

from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.records import PipelineEntry, new_id
from bkagent.controlplane.store import pipelines

_SLUG = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,99}", re.ASCII)


class Pipelines:
    """Keeps pipelines."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._db = ledger.db

    def get(self, slug: str) -> PipelineEntry:
        """Return a pipeline. Raises NotFound."""
        entry = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
        if entry is None:
            raise NotFound("No pipeline found")
        return entry

    def all(self) -> List[PipelineEntry]:
        """Return every pipeline, by name."""
        return pipelines.TABLE.all(self._db, "1 ORDER BY name, slug")

    def ensure(self, slug: str, *, name: str = "", repository: str = "", default_branch: str = "") -> PipelineEntry:
        """Make the pipeline of this slug, or bring it up to date with the arguments given. Raises Rejected."""
        entry = self.draft(slug, name=name, repository=repository, default_branch=default_branch)
        with self._ledger.change():
            existing = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
            if existing is None:
                pipelines.TABLE.add(self._db, entry)
                return entry
            return pipelines.TABLE.change(
                self._db, existing, name=entry.name, repository=entry.repository, default_branch=entry.default_branch
            )

    def draft(self, slug: str, *, name: str = "", repository: str = "", default_branch: str = "") -> PipelineEntry:
        """Return the pipeline of this slug as `ensure` would leave it, keeping nothing. Raises Rejected."""
        if not _SLUG.fullmatch(slug):
            raise Rejected(f'"{slug[:120]}" is not a valid pipeline name: use at most 100 letters, digits and "-"')
        existing = pipelines.TABLE.first(self._db, "slug = ?", (slug,))
        if existing is None:
            now = self._ledger.clock()
            return PipelineEntry(new_id(), slug, name or slug, repository, default_branch or "main", now)
        return dataclasses.replace(
            existing, name=name or existing.name, repository=repository or existing.repository,
            default_branch=default_branch or existing.default_branch,
        )  # fmt: skip

    def add(self, entry: PipelineEntry) -> None:
        """Keep a new pipeline. Raises Rejected where one has its slug."""
        with self._ledger.change():
            if pipelines.TABLE.first(self._db, "slug = ?", (entry.slug,)) is not None:
                raise Rejected(f'a pipeline has the slug "{entry.slug}" already')
            pipelines.TABLE.add(self._db, entry)

    def change(self, slug: str, *, settings: Optional[Mapping[str, Any]] = None, **changes: Any) -> PipelineEntry:
        """Change fields of a pipeline, but for its slug, and some of its settings; return it as it is then.

        Raises NotFound.
        """
        with self._ledger.change():
            entry = self.get(slug)
            kept = {**entry.settings, **(settings or {})}
            return pipelines.TABLE.change(self._db, entry, settings=kept, **changes)

    def archive(self, slug: str) -> PipelineEntry:
        """Let a pipeline have no further builds. Raises Rejected where that is so already."""
        if self.get(slug).archived_at is not None:
            raise Rejected("Pipeline could not be archived.")
        return self.change(slug, archived_at=self._ledger.clock())

    def unarchive(self, slug: str) -> PipelineEntry:
        """Let a pipeline have builds again. Raises Rejected for one that is not archived."""
        if self.get(slug).archived_at is None:
            raise Rejected("Pipeline could not be unarchived.")
        return self.change(slug, archived_at=None)

    def counts(self, slug: str) -> Dict[str, int]:
        """Return how many builds and jobs of a pipeline are under way, by the names of the REST API."""
        return pipelines.counts(self._db, slug)

    def next_build_number(self, slug: str) -> int:
        """Return the number that the next build of a pipeline gets, unless another is created first."""
        return pipelines.last_number(self._db, slug) + 1
