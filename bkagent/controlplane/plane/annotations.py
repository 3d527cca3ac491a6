"""Annotations of builds and jobs."""

from __future__ import annotations

from typing import List, Optional

from bkagent.controlplane.attachments import Annotation
from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.records import Event, new_id
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.store import annotations as table

STYLES = ("", "default", "success", "info", "warning", "error")
SCOPES = ("build", "job")
DEFAULT_CONTEXT, DEFAULT_PRIORITY = "default", 3


class Annotations:
    """Keeps annotations. `job_id` is the job that writes one; with the scope "job" it belongs to that job."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._db = ledger.db

    def annotate(
        self, build_id: str, *, job_id: str = "", body: str = "", context: str = "", style: Optional[str] = None,
        append: bool = False, priority: Optional[int] = None, scope: str = "build",
    ) -> Annotation:  # fmt: skip
        """Add an annotation, or change the one of the same context: its body (or add to it), style and priority.

        Raises Rejected, or NotFound for an unknown build.
        """
        context = context or DEFAULT_CONTEXT
        scope = scope or "build"
        _check(context, style, priority, scope, job_id)
        with self._ledger.change() as now:
            build = self._ledger.build(build_id)
            owner = job_id if scope == "job" else ""
            existing = self._present(build.id, scope, owner, context)
            text = body
            if existing is not None:
                text = existing.body + body if append else body or existing.body
            if len(text.encode("utf-8", "replace")) > limits.ANNOTATION_BYTES:
                raise Rejected(f"an annotation has at most {limits.ANNOTATION_BYTES} bytes")
            if existing is None:
                annotation = Annotation(
                    new_id(), build.id, owner, context, scope, style or "", text, priority or DEFAULT_PRIORITY, now, now
                )
                self._add(annotation)
            else:
                annotation = table.TABLE.change(
                    self._db, existing, body=text, style=existing.style if style is None else style,
                    priority=priority or existing.priority, updated_at=now,
                )  # fmt: skip
            self._ledger.tell(Event("annotation", build.id, owner))
            return annotation

    def _add(self, annotation: Annotation) -> None:
        if not annotation.body:
            raise Rejected("a new annotation needs a body")
        if table.TABLE.count(self._db, "build_id = ?", (annotation.build_id,)) >= limits.ANNOTATIONS_PER_BUILD:
            raise Rejected(f"a build has at most {limits.ANNOTATIONS_PER_BUILD} annotations")
        table.TABLE.add(self._db, annotation)

    def _present(self, build_id: str, scope: str, job_id: str, context: str) -> Optional[Annotation]:
        where = "build_id = ? AND scope = ? AND job_id = ? AND context = ?"
        return table.TABLE.first(self._db, where, (build_id, scope, job_id, context))

    def find(self, build_id: str, *, scope: str = "build", job_id: str = "") -> List[Annotation]:
        """Return annotations, those of high priority first, then the oldest first. `scope` "all" filters nothing."""
        order = "ORDER BY priority DESC, created_at, rowid"
        if job_id:
            return table.TABLE.all(self._db, f"build_id = ? AND job_id = ? {order}", (build_id, job_id))
        if scope == "all":
            return table.TABLE.all(self._db, f"build_id = ? {order}", (build_id,))
        return table.TABLE.all(self._db, f"build_id = ? AND scope = ? {order}", (build_id, scope))

    def remove(self, build_id: str, context: str, *, scope: str = "build", job_id: str = "") -> None:
        """Delete an annotation. Raises NotFound."""
        owner = job_id if scope == "job" else ""
        with self._ledger.change():
            annotation = self._present(build_id, scope, owner, context or DEFAULT_CONTEXT)
            if annotation is None:
                raise NotFound("No annotation found")
            self._db.rows("DELETE FROM annotations WHERE id = ?", (annotation.id,))
            self._ledger.tell(Event("annotation", build_id, owner))


def _check(context: str, style: Optional[str], priority: Optional[int], scope: str, job_id: str) -> None:
    if len(context) > limits.ANNOTATION_CONTEXT_CHARACTERS:
        raise Rejected(f"the context of an annotation has at most {limits.ANNOTATION_CONTEXT_CHARACTERS} characters")
    if style is not None and style not in STYLES:
        raise Rejected(f'"{style[:40]}" is not a style; it must be one of {", ".join(STYLES[1:])}')
    if priority and not 1 <= priority <= 10:
        raise Rejected("the priority of an annotation is from 1 to 10")
    if scope not in SCOPES or (scope == "job" and not job_id):
        raise Rejected('the scope of an annotation is "build", or "job" for one written by a job')
