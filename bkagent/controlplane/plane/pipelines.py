"""Pipelines: names under which builds are numbered."""

from __future__ import annotations

import dataclasses
import re
from typing import List

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

    def next_build_number(self, slug: str) -> int:
        """Return the number that the next build of a pipeline gets, unless another is created first."""
        return pipelines.last_number(self._db, slug) + 1
