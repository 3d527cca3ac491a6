"""Artifacts of jobs: records in the store, bytes in files named by the records' ids."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from bkagent.controlplane.attachments import ArtifactRecord, ArtifactSpec
from bkagent.controlplane.errors import InvalidRequest, NotFound, PlaneError, Rejected
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.records import Event, Job, new_id
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.scheduling.branches import matches
from bkagent.controlplane.store import artifacts, disk_errors, jobs

STATES = ("new", "error", "finished", "deleted", "expired")
_SHA1 = re.compile(r"(?:[0-9a-f]{40})?", re.IGNORECASE)
_SHA256 = re.compile(r"(?:[0-9a-f]{64})?", re.IGNORECASE)
_READ_BYTES = 1 << 20


class Artifacts:
    """Keeps artifacts, their bytes in `folder`."""

    def __init__(self, ledger: Ledger, folder: str) -> None:
        self._ledger, self._folder = ledger, folder
        self._db = ledger.db

    def create(self, job_id: str, batch_id: str, specs: Sequence[ArtifactSpec]) -> List[ArtifactRecord]:
        """Announce files of a job; repeating a batch gives the same ones. Raises Rejected beyond the limits."""
        with self._ledger.change() as now:
            job = self._ledger.job(job_id)
            announced = artifacts.batch(self._db, job_id, batch_id)
            if announced is not None:
                return [self.get(id) for id in announced]
            count = artifacts.TABLE.count(self._db, "job_id = ?", (job_id,))
            if count + len(specs) > limits.ARTIFACTS_PER_JOB:
                raise Rejected(f"a job has at most {limits.ARTIFACTS_PER_JOB} artifacts")
            batch = []
            for index, spec in enumerate(specs):
                _check(spec)
                artifact = ArtifactRecord(
                    id=new_id(), build_id=job.build_id, job_id=job_id, path=spec.path, state="new", created_at=now,
                    absolute_path=spec.absolute_path, file_size=spec.file_size, sha1sum=spec.sha1sum.lower(),
                    sha256sum=spec.sha256sum.lower(), content_type=spec.content_type,
                    upload_destination=spec.upload_destination, url=spec.url, sequence=count + index,
                )  # fmt: skip
                artifacts.TABLE.add(self._db, artifact)
                batch.append(artifact)
            artifacts.add_batch(self._db, job_id, batch_id, [artifact.id for artifact in batch])
            self._ledger.tell(Event("artifact", job.build_id, job_id, state="new"))
            return batch

    def get(self, artifact_id: str) -> ArtifactRecord:
        """Return an artifact's record. Raises NotFound."""
        artifact = artifacts.TABLE.get(self._db, artifact_id)
        if artifact is None:
            raise NotFound("No artifact found")
        return artifact

    def path(self, artifact_id: str) -> str:
        """Return the file that holds an artifact's bytes; it is missing until they have come. Raises NotFound."""
        return os.path.join(self._folder, self.get(artifact_id).id)

    def store(self, artifact_id: str, read: Callable[[int], bytes]) -> None:
        """Keep an artifact's bytes, from a `read(size)` that ends with b"".

        Raises InvalidRequest if they are not those that were announced, Rejected if they are here already or the job
        has ended meanwhile.
        """
        artifact = self.get(artifact_id)
        if artifact.state not in ("new", "error"):
            raise Rejected(f"the artifact is {artifact.state}; it takes no more bytes")
        path = self.path(artifact_id)
        draft = f"{path}.{new_id()}"
        try:
            with open(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
            ) as file:
                _copy(read, file.write, artifact)
            with self._db.lock:
                if self._ledger.job(artifact.job_id).final or self.get(artifact_id).state not in ("new", "error"):
                    raise Rejected("the job has ended or the bytes are here already; no more can be added")
                os.replace(draft, path)
        except OSError as error:
            raise disk_errors.of_file(f"cannot keep the artifact in {path}", error) from error
        finally:
            if os.path.exists(draft):
                os.unlink(draft)

    def update(self, job_id: str, states: Mapping[str, str]) -> None:
        """Note the states of artifacts of a job by id: "finished" or "error". Raises Rejected, NotFound."""
        with self._ledger.change():
            job = self._ledger.job(job_id)
            for artifact_id, state in states.items():
                artifact = self.get(artifact_id)
                if artifact.job_id != job_id:
                    raise NotFound("No artifact found")
                if state not in ("finished", "error"):
                    raise Rejected('the state of an artifact becomes "finished" or "error"')
                kept_here = not artifact.upload_destination and not artifact.url
                if state == "finished" and kept_here and not os.path.exists(self.path(artifact_id)):
                    raise Rejected(f"the bytes of {artifact.path} have not come")
                if artifact.state != "deleted":
                    artifacts.TABLE.change(self._db, artifact, state=state)
            self._ledger.tell(Event("artifact", job.build_id, job_id, state="finished"))

    def find(
        self, build_id: str = "", *, job_id: str = "", states: Sequence[str] = (), path: str = ""
    ) -> List[ArtifactRecord]:
        """Return the artifacts of a build or of a job in the order they came; in `path`, `*` is any characters."""
        column, owner_id = ("job_id", job_id) if job_id else ("build_id", build_id)
        records = artifacts.TABLE.all(self._db, f"{column} = ? ORDER BY created_at, sequence, rowid", (owner_id,))
        return [
            artifact
            for artifact in records
            if (not states or artifact.state in states) and (not path or matches([path], artifact.path))
        ]

    def search(
        self, build_id: str, *, query: str = "*", scope: str = "", state: str = "finished",
        include_retried_jobs: bool = False, include_duplicates: bool = False,
    ) -> List[ArtifactRecord]:  # fmt: skip
        """Return the artifacts whose path matches `query` (`*` is any characters, "/" among them), the newest first.

        `scope` is a step's key, label or id, or a job's id. Without `include_duplicates` the newest of each path.
        Raises InvalidRequest if an exact path without a scope names files of several jobs.
        """
        with self._db.lock:
            of_build = self.find(build_id=self._ledger.build_alone(build_id).id, states=(state,) if state else ())
            matching = [artifact for artifact in of_build if _path_matches(query, artifact.path)]
            job_ids = list({artifact.job_id for artifact in matching})
            jobs_by_id = {job.id: job for job in jobs.TABLE.among(self._db, "id", job_ids)}
            hits = [
                artifact
                for artifact in matching
                if _in_scope(jobs_by_id[artifact.job_id], scope)
                and (include_retried_jobs or not jobs_by_id[artifact.job_id].retried)
            ]
        hits.reverse()
        if include_duplicates:
            return hits
        if "*" not in query and not scope and len({artifact.job_id for artifact in hits}) > 1:
            raise InvalidRequest(
                f"Multiple artifacts were found for query: `{query}`. Try scoping by the job ID or name."
            )
        newest: Dict[str, ArtifactRecord] = {}
        for artifact in hits:
            newest.setdefault(artifact.path, artifact)
        return list(newest.values())

    def delete(self, artifact_id: str) -> None:
        """Delete an artifact's bytes; its record says "deleted". Raises NotFound."""
        with self._ledger.change():
            artifact = self.get(artifact_id)
            artifacts.TABLE.change(self._db, artifact, state="deleted")
            self._ledger.tell(Event("artifact", artifact.build_id, artifact.job_id, state="deleted"))
        self.erase(artifact_id)

    def erase(self, artifact_id: str) -> None:
        """Remove the file that holds an artifact's bytes. Raises PlaneError where it cannot be removed."""
        path = self.path(artifact_id)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise PlaneError(f"cannot remove the artifact {path}: {error.strerror}") from error


def _check(spec: ArtifactSpec) -> None:
    if not spec.path or len(spec.path) > limits.ARTIFACT_PATH_CHARACTERS:
        raise Rejected(f"an artifact's path has 1 to {limits.ARTIFACT_PATH_CHARACTERS} characters")
    if len(spec.absolute_path) > limits.ARTIFACT_PATH_CHARACTERS or max(map(len, (spec.url, spec.content_type))) > 8192:
        raise Rejected(f"the absolute path, URL or content type of the artifact {spec.path[:200]} is too long")
    if not 0 <= spec.file_size <= limits.ARTIFACT_BYTES:
        raise Rejected(f"the artifact {spec.path[:200]} is larger than {limits.ARTIFACT_BYTES} bytes")
    if not _SHA1.fullmatch(spec.sha1sum) or not _SHA256.fullmatch(spec.sha256sum):
        raise Rejected(f"the checksums of the artifact {spec.path[:200]} are malformed")


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], object], artifact: ArtifactRecord) -> None:
    digest = hashlib.sha256() if artifact.sha256sum else hashlib.sha1()
    total = 0
    while True:
        data = read(_READ_BYTES)
        if not data:
            break
        total += len(data)
        if total > artifact.file_size:
            break
        digest.update(data)
        write(data)
    if total != artifact.file_size:
        raise InvalidRequest(
            f"the artifact {artifact.path} does not have the announced size, {artifact.file_size} bytes"
        )
    announced = artifact.sha256sum or artifact.sha1sum
    if announced and digest.hexdigest() != announced:
        raise InvalidRequest(f"the bytes of the artifact {artifact.path} do not have the announced checksum")


def _in_scope(job: Job, scope: str) -> bool:
    return not scope or scope in (job.id, job.step_key, job.label, job.step_id)


def _path_matches(query: str, path: str) -> bool:
    """Match with either slash: a path of Windows is found by a query that was written elsewhere."""
    forms: Tuple[str, ...] = (path, path.replace("\\", "/"))
    return any(matches([form_query], form) for form in forms for form_query in (query, query.replace("\\", "/")))
