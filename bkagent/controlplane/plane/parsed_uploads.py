"""Uploaded documents as pipelines, parsed once and kept while they are used."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Optional

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.scheduling.nodes import Walk
from bkagent.controlplane.store import uploads
from bkagent.pipeline.model import steps_reader
from bkagent.pipeline.model.steps import GroupStep, Pipeline, Step

MOST_PARSED = 256


@dataclass(frozen=True)
class ParsedUpload:
    """One uploaded document. `StepEntry.at` is the index of a step in `walk`."""

    pipeline: Pipeline
    walk: Walk

    def step(self, at: int) -> Step:
        """Return the step at this index."""
        return self.walk[at][0]

    def group(self, at: int) -> Optional[GroupStep]:
        """Return the group of the step at this index, or None."""
        return self.walk[at][1]


class ParsedUploads:
    """A cache of the uploads used last. Hold the store's lock while using it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parsed: "OrderedDict[str, ParsedUpload]" = OrderedDict()

    def get(self, upload_id: str) -> ParsedUpload:
        """Return an upload's document as a pipeline. Raises NotFound."""
        if upload_id not in self._parsed:
            upload = uploads.TABLE.get(self._ledger.db, upload_id)
            if upload is None:
                raise NotFound("No upload found")
            pipeline = steps_reader.read(upload.document)
            self._parsed[upload_id] = ParsedUpload(pipeline, tuple(pipeline.walk()))
            if len(self._parsed) > MOST_PARSED:
                self._parsed.popitem(last=False)
        self._parsed.move_to_end(upload_id)
        return self._parsed[upload_id]
