"""The part of the control plane that keeps annotations."""

from __future__ import annotations

from typing import List, Optional

from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.plane.ledger import PlaneState
from bkagent.controlplane.records import Annotation, Event
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.store import annotations as table

STYLES = ("", "default", "success", "info", "warning", "error")
SCOPES = ("build", "job")
DEFAULT_CONTEXT, DEFAULT_PRIORITY = "default", 3


class PlaneNotes(PlaneState):
    """Annotations of builds and jobs."""

    def annotate(
        self, build_id: str, *, job_id: str = "", body: str = "", context: str = "", style: Optional[str] = None,
        append: bool = False, priority: Optional[int] = None, scope: str = "build",
    ) -> Annotation:  # fmt: skip
        """Keep an annotation; the same context again replaces its body (or adds to it), style and priority where given.

        `job_id` is the job that writes it; with the scope "job" it belongs to that job. Raises Rejected.
        """
        context = context or DEFAULT_CONTEXT
        scope = scope or "build"
        self._check_annotation(context, style, priority, scope, job_id)
        with self._change() as now:
            build = self.build(build_id)
            owner = job_id if scope == "job" else ""
            where = "build_id = ? AND scope = ? AND job_id = ? AND context = ?"
            found = table.TABLE.first(self._db, where, (build.id, scope, owner, context))
            if found is not None:
                text = found.body + body if append else body or found.body
            else:
                text = body
            if len(text.encode("utf-8", "replace")) > limits.ANNOTATION_BYTES:
                raise Rejected(f"an annotation has at most {limits.ANNOTATION_BYTES} bytes")
            if found is None:
                if not body:
                    raise Rejected("a new annotation needs a body")
                if table.TABLE.count(self._db, "build_id = ?", (build.id,)) >= limits.ANNOTATIONS_PER_BUILD:
                    raise Rejected(f"a build has at most {limits.ANNOTATIONS_PER_BUILD} annotations")
                found = Annotation(
                    self.new_id(),
                    build.id,
                    owner,
                    context,
                    scope,
                    style or "",
                    text,
                    priority or DEFAULT_PRIORITY,
                    now,
                    now,
                )
                table.TABLE.add(self._db, found)
            else:
                found = table.TABLE.change(
                    self._db, found, body=text, style=found.style if style is None else style,
                    priority=priority or found.priority, updated_at=now,
                )  # fmt: skip
            self._tell(Event("annotation", build.id, owner))
            return found

    def _check_annotation(
        self, context: str, style: Optional[str], priority: Optional[int], scope: str, job_id: str
    ) -> None:
        if len(context) > limits.ANNOTATION_CONTEXT_CHARACTERS:
            raise Rejected(
                f"the context of an annotation has at most {limits.ANNOTATION_CONTEXT_CHARACTERS} characters"
            )
        if style is not None and style not in STYLES:
            raise Rejected(f'"{style[:40]}" is no style; it must be one of {", ".join(STYLES[1:])}')
        if priority and not 1 <= priority <= 10:
            raise Rejected("the priority of an annotation is from 1 to 10")
        if scope not in SCOPES or (scope == "job" and not job_id):
            raise Rejected('the scope of an annotation is "build", or "job" for one written by a job')

    def annotations(self, build_id: str, *, scope: str = "build", job_id: str = "") -> List[Annotation]:
        """Return annotations, those of high priority first, then the oldest first. `scope` "all" leaves none out."""
        order = "ORDER BY priority DESC, created_at, rowid"
        if job_id:
            return table.TABLE.all(self._db, f"build_id = ? AND job_id = ? {order}", (build_id, job_id))
        if scope == "all":
            return table.TABLE.all(self._db, f"build_id = ? {order}", (build_id,))
        return table.TABLE.all(self._db, f"build_id = ? AND scope = ? {order}", (build_id, scope))

    def remove_annotation(self, build_id: str, context: str, *, scope: str = "build", job_id: str = "") -> None:
        """Take an annotation away. Raises NotFound."""
        owner = job_id if scope == "job" else ""
        where = "build_id = ? AND scope = ? AND job_id = ? AND context = ?"
        with self._change():
            found = table.TABLE.first(self._db, where, (build_id, scope, owner, context or DEFAULT_CONTEXT))
            if found is None:
                raise NotFound("No annotation found")
            self._db.rows("DELETE FROM annotations WHERE id = ?", (found.id,))
            self._tell(Event("annotation", build_id, owner))
