"""Records in the form that clients of the REST API know. Unset dates are null, every URL is absolute."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any, Dict, List, Optional, Sequence

from bkagent.controlplane.api_tokens import Person
from bkagent.controlplane.attachments import ArtifactRecord
from bkagent.controlplane.records import Agent, Build, Job, PipelineEntry
from bkagent.controlplane.web.context import Site
from bkagent.wire.timestamps import text_of

Form = Dict[str, Any]
# Ids of a cluster and its queues are made from names, in a name space of this server's own, the same at each start.
NAME_SPACE = uuid.UUID("6d2c9f0e-52a7-4a43-9d55-3f4c5f6f8f10")
_PLATFORM = re.compile(r"\(([a-z0-9]{1,20});")


def date(moment: Optional[float]) -> Optional[str]:
    """Return a moment as a date of the API, or null."""
    return None if moment is None else text_of(moment)


def graphql_id(kind: str, id: str) -> str:
    """Return the id under which the GraphQL API would know an object."""
    return base64.b64encode(f"{kind}---{id}".encode()).decode()


def user(name: str, email: str = "") -> Optional[Form]:
    """Return a person, null without a name."""
    return person(Person(name, email)) if name or email else None


def user_of(text: str) -> Optional[Form]:
    """Return a person from "NAME <EMAIL>" or "NAME", null for anything else."""
    record = Person.from_text(text)
    return person(record) if record is not None else None


def person(record: Person) -> Form:
    """Return a person."""
    return {
        "id": record.id, "graphql_id": graphql_id("User", record.id), "name": record.name, "email": record.email,
        "avatar_url": None, "created_at": None,
    }  # fmt: skip


def organization_url(site: Site, base: str) -> str:
    """Return the API's URL of the one organization there is."""
    return f"{base}/v2/organizations/{site.plane.organization}"


def cluster_id(site: Site) -> str:
    """Return the id of the one cluster there is."""
    return str(uuid.uuid5(NAME_SPACE, site.plane.organization))


def cluster_url(site: Site, base: str) -> str:
    """Return its URL."""
    return f"{organization_url(site, base)}/clusters/{cluster_id(site)}"


def organization(site: Site, base: str) -> Form:
    """Return the organization."""
    url = organization_url(site, base)
    return {
        "id": site.plane.organization, "graphql_id": graphql_id("Organization", site.plane.organization), "url": url,
        "web_url": f"{base}/{site.plane.organization}", "name": site.plane.organization,
        "slug": site.plane.organization, "pipelines_url": f"{url}/pipelines", "agents_url": f"{url}/agents",
        "emojis_url": f"{url}/emojis", "created_at": None,
    }  # fmt: skip


def pipeline(site: Site, base: str, entry: PipelineEntry) -> Form:
    """Return a pipeline."""
    url = f"{organization_url(site, base)}/pipelines/{entry.slug}"
    settings = entry.settings
    return {
        "id": entry.id, "graphql_id": graphql_id("Pipeline", entry.id), "url": url,
        "web_url": f"{base}/{site.plane.organization}/{entry.slug}", "name": entry.name,
        "description": settings.get("description"), "slug": entry.slug, "repository": entry.repository,
        "cluster_id": cluster_id(site), "cluster_url": cluster_url(site, base),
        "branch_configuration": settings.get("branch_configuration"),
        "default_branch": entry.default_branch,
        "skip_queued_branch_builds": False, "skip_queued_branch_builds_filter": None,
        "cancel_running_branch_builds": False, "cancel_running_branch_builds_filter": None, "allow_rebuilds": True,
        "provider": {"id": "git", "webhook_url": "", "settings": {}}, "builds_url": f"{url}/builds", "badge_url": None,
        "created_by": None, "created_at": date(entry.created_at), "archived_at": date(entry.archived_at), "env": {},
        "visibility": "private", "tags": list(settings.get("tags", ())), "emoji": settings.get("emoji"),
        "color": settings.get("color"), "configuration": entry.configuration, "steps": [],
        "pipeline_template_uuid": None, "clone_mirror_url": None, "default_command_step_timeout": None,
        "maximum_command_step_timeout": None,
    }  # fmt: skip


def build(site: Site, base: str, record: Build, entry: PipelineEntry, jobs: Sequence[Form]) -> Form:
    """Return a build with the forms of its jobs."""
    url = f"{organization_url(site, base)}/pipelines/{record.pipeline_slug}/builds/{record.number}"
    pull = record.pull_request
    return {
        "id": record.id, "graphql_id": graphql_id("Build", record.id), "url": url,
        "web_url": base + site.build_path(record), "number": record.number, "state": record.state,
        "blocked": record.blocked, "cancel_reason": record.cancel_reason or None, "message": record.message,
        "commit": record.commit, "branch": record.branch, "tag": record.tag or None, "env": dict(record.env),
        "source": record.source,
        "creator": user(record.creator.get("name", ""), record.creator.get("email", "")),
        "author": {"username": None, "name": record.author.get("name", ""), "email": record.author.get("email", "")},
        "jobs": list(jobs), "created_at": date(record.created_at), "scheduled_at": date(record.scheduled_at),
        "started_at": date(record.started_at), "failing_at": date(record.failing_at),
        "finished_at": date(record.finished_at), "meta_data": dict(record.meta_data),
        "pull_request": {
            "id": str(pull.get("id")), "base": pull.get("base"), "repository": pull.get("repository"),
        } if pull.get("id") else None,
        "merge_queue": None, "rebuilt_from": {"id": record.rebuilt_from} if record.rebuilt_from else None,
        "triggered_from": None, "pipeline": pipeline(site, base, entry),
        "cluster_id": cluster_id(site),
    }  # fmt: skip


def job(site: Site, base: str, record: Job, of: Build, agent: Optional[Form] = None) -> Form:
    """Return a job of any type. `agent` is the form of the agent that ran it."""
    web_url = f"{base}{site.build_path(of)}#{record.id}"
    form: Form = {
        "id": record.id, "graphql_id": graphql_id("Job", record.id), "type": record.type,
        "state": record.shown_state, "web_url": web_url,
    }  # fmt: skip
    if record.type == "waiter":
        return form
    url = f"{organization_url(site, base)}/pipelines/{of.pipeline_slug}/builds/{of.number}"
    form.update(name=record.label or None, label=record.label or None, step_key=record.step_key or None)
    form.update(group_key=record.group_key or None)
    if record.type == "manual":
        form.update(
            unblocked_by=user_of(record.unblocked_by), unblocked_at=date(record.unblocked_at),
            unblockable=record.state == "blocked", unblock_url=f"{url}/jobs/{record.id}/unblock",
        )  # fmt: skip
        return form
    form.update(_script(record, url), agent=agent, cluster_id=cluster_id(site), cluster_url=cluster_url(site, base))
    return form


def _script(record: Job, build_url: str) -> Form:
    url = f"{build_url}/jobs/{record.id}"
    return {
        "step": {"id": record.step_id, "signature": None}, "priority": {"number": record.priority},
        "agent_query_rules": list(record.agent_query_rules), "build_url": build_url, "log_url": f"{url}/log",
        "raw_log_url": f"{url}/log.txt", "artifacts_url": f"{url}/artifacts", "command": record.command,
        "script_path": record.command, "soft_failed": record.soft_failed, "exit_status": record.exit_status,
        "signal": record.signal or None, "signal_reason": record.signal_reason or None,
        "broken_reason": record.broken_reason or None, "artifact_paths": ";".join(record.artifact_paths),
        "created_at": date(record.created_at), "scheduled_at": date(record.scheduled_at),
        "runnable_at": date(record.runnable_at), "started_at": date(record.started_at),
        "finished_at": date(record.finished_at), "expired_at": None, "retried": record.retried,
        "retried_in_job_id": record.retried_in_job_id or None, "retries_count": record.retries_count,
        "retry_source": {
            "job_id": record.retry_source_id, "retry_type": record.retry_type,
        } if record.retry_source_id else None,
        "retry_type": record.retry_type or None, "retried_by": None, "parallel_group_index": record.parallel_index,
        "parallel_group_total": record.parallel_total, "matrix": dict(record.matrix) or None,
        "cluster_queue_id": None, "cluster_queue_url": None, "concurrency_wait_time_ms": None,
        "promised_exit_status": None, "promised_exit_status_at": None,
    }  # fmt: skip


def agent(site: Site, base: str, record: Agent, running: Optional[Form] = None) -> Form:
    """Return an agent's session. `running` is the form of the job that it has now."""
    return {
        "id": record.id, "graphql_id": graphql_id("Agent", record.id),
        "url": f"{organization_url(site, base)}/agents/{record.id}", "web_url": f"{base}/-/agents/{record.id}",
        "name": record.name, "connection_state": record.state, "hostname": record.hostname,
        "ip_address": record.ip_address, "user_agent": record.user_agent, "version": record.version,
        "os_id": _os_id(record.user_agent), "arch": record.arch, "queue": _queue(record.meta_data),
        "creator": user(record.creator.get("name", ""), record.creator.get("email", "")),
        "created_at": date(record.created_at), "connected_at": date(record.connected_at),
        "disconnected_at": date(record.disconnected_at), "lost_at": date(record.lost_at),
        "stopped_at": date(record.stopped_at), "job": running,
        "last_job_finished_at": date(record.last_job_finished_at), "priority": record.priority,
        "meta_data": list(record.meta_data), "paused": record.paused, "paused_at": date(record.paused_at),
        "paused_by": user_of(record.paused_by), "paused_note": record.paused_note or None,
        "paused_timeout_in_minutes": record.paused_timeout_minutes,
    }  # fmt: skip


def artifact(site: Site, base: str, record: ArtifactRecord, of: Build) -> Form:
    """Return an artifact."""
    job_url = f"{organization_url(site, base)}/pipelines/{of.pipeline_slug}/builds/{of.number}/jobs/{record.job_id}"
    url = f"{job_url}/artifacts/{record.id}"
    folder, _, name = record.path.replace("\\", "/").rpartition("/")
    return {
        "id": record.id, "job_id": record.job_id, "url": url, "download_url": f"{url}/download",
        "state": record.state, "path": record.path, "dirname": folder or ".", "filename": name,
        "mime_type": record.content_type or "application/octet-stream", "file_size": record.file_size,
        "glob_path": None, "original_path": None, "sha1sum": record.sha1sum or None,
        "sha256sum": record.sha256sum or None,
    }  # fmt: skip


def _queue(tags: Sequence[str]) -> str:
    queues: List[str] = [tag[6:] for tag in tags if tag.startswith("queue=")]
    return queues[0] if queues else "default"


def _os_id(user_agent: str) -> Optional[str]:
    """Return the operating system that an agent names: `linux` in `buildkite-agent/3.1.0 (linux; amd64)`."""
    match = _PLATFORM.search(user_agent)
    return match[1] if match else None
