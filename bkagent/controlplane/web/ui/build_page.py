"""One build: its facts, its jobs, their annotations and artifacts."""

from __future__ import annotations

from typing import List, Sequence

from bkagent.controlplane.records import ArtifactRecord, Build, Job
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui import words
from bkagent.controlplane.web.ui.builds_page import first_line
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.wire.human_size import format_size

ARTIFACTS_COUNT = 500
NOTES_COUNT = 20


def heading(site: Site, build: Build, now: float) -> Html:
    """Return what stands above a build's jobs."""
    facts = [
        fill("<li>{state}</li>", state=words.state("blocked" if build.blocked else build.state)),
        fill("<li>Branch <b>{branch}</b></li>", branch=build.branch),
        fill("<li>Commit <code>{commit}</code></li>", commit=build.commit[:12]),
        fill("<li>Created {at}</li>", at=words.moment(build.created_at)),
    ]
    took = words.between(build.started_at, build.finished_at, now)
    if took:
        facts.append(fill("<li>Took {took}</li>", took=took))
    if build.author.get("name"):
        facts.append(fill("<li>By {name}</li>", name=build.author["name"]))
    return fill(
        '<h1>{pipeline} #{number} <span class="soft">{message}</span></h1>\n<ul class="facts">{facts}</ul>',
        pipeline=build.pipeline_slug, number=build.number, message=first_line(build.message), facts=join(facts),
    )  # fmt: skip


def unsent_notifications(lines: Sequence[str]) -> Html:
    """Return a list of the notifications that a build's pipelines ask for and this control plane does not send."""
    if not lines:
        return NOTHING
    items = join(fill("<li>{line}</li>", line=line) for line in lines[:NOTES_COUNT])
    more = len(lines) - NOTES_COUNT
    rest = fill("<li>and {more} more</li>", more=more) if more > 0 else NOTHING
    return fill('<ul class="soft">{items}{rest}</ul>', items=items, rest=rest)


def jobs_table(site: Site, build: Build, jobs: Sequence[Job], now: float) -> Html:
    """Return the jobs in the build's order, a row each; waits are left out."""
    rows: List[Html] = []
    group = ""
    for job in jobs:
        if job.type == "waiter":
            continue
        if job.group_id != group:
            group = job.group_id
            label = job.group_label or job.group_key or "\u2014"
            rows.append(fill('<tr><th colspan="4">{label}</th></tr>', label=with_emoji(label)))
        rows.append(_row(site, build, job, now))
    if not rows:
        return fill("<p>This build has no jobs.</p>")
    head = "<tr><th>State</th><th>Job</th><th>Result</th><th>Took</th></tr>"
    return fill("<table><thead>{head}</thead><tbody>{rows}</tbody></table>", head=Html(head), rows=join(rows))


def _row(site: Site, build: Build, job: Job, now: float) -> Html:
    name = fill("{name}", name=job_name(job))
    if job.type == "script":
        name = fill('<a href="{path}/jobs/{id}">{name}</a>', path=site.build_path(build), id=job.id, name=name)
    return fill(
        '<tr id="{id}"><td>{state}</td><td>{name}{more}</td><td>{result}</td><td>{took}</td></tr>',
        id=job.id, state=job_state(job), name=name, more=_more(job), result=exit_text(job),
        took=words.between(job.started_at, job.finished_at, now),
    )  # fmt: skip


def job_state(job: Job) -> Html:
    """Return a job's state; a soft failure is marked."""
    return words.state("soft failed" if job.soft_failed else job.shown_state)


def job_name(job: Job) -> str:
    """Return what a job is called: its label, its command's first line, or its key."""
    unnamed = "Unblock" if job.type == "manual" else "Job"
    name = first_line(job.label) or first_line(job.command) or job.step_key or unnamed
    values = ", ".join(job.matrix.values())
    if values and values not in name:
        name += f" ({values})"
    if job.parallel_index is not None and job.parallel_total is not None:
        name += f" {job.parallel_index + 1}/{job.parallel_total}"
    return with_emoji(name)


def _more(job: Job) -> Html:
    notes = [job.reason] if job.reason else []
    if job.retried:
        notes.append("retried")
    if job.retries_count:
        notes.append(f"attempt {job.retries_count + 1}")
    if job.type == "manual" and job.state == "blocked":
        notes.append("waits to be unblocked, by the REST API")
    if job.state == "scheduled" and job.type == "script":
        rules = ", ".join(job.agent_query_rules)
        notes.append(f"waits for an agent with {rules}" if rules else "waits for an agent")
    return fill(' <span class="soft">{notes}</span>', notes="; ".join(notes)) if notes else NOTHING


def exit_text(job: Job) -> Html:
    """Return the exit status and signal of a job, nothing while it runs and for a plain success."""
    if job.exit_status is None or (job.exit_status == 0 and not job.signal):
        return NOTHING
    text = f"exit status {job.exit_status}"
    if job.signal:
        text += f", {job.signal}"
    if job.signal_reason:
        text += f" ({job.signal_reason})"
    return fill("{text}", text=text)


def artifacts_table(site: Site, build: Build, artifacts: Sequence[ArtifactRecord]) -> Html:
    """Return artifacts with links to their bytes, nothing if there are no artifacts."""
    if not artifacts:
        return NOTHING
    template = "<tr><td>{name}</td><td>{size}</td></tr>"
    rows = [
        fill(template, name=_link(site, build, artifact), size=format_size(artifact.file_size))
        for artifact in artifacts[:ARTIFACTS_COUNT]
    ]
    more = len(artifacts) - ARTIFACTS_COUNT
    note = fill("<p>And {more} more.</p>", more=more) if more > 0 else NOTHING
    return fill("<h2>Artifacts</h2><table><tbody>{rows}</tbody></table>{note}", rows=join(rows), note=note)


def _link(site: Site, build: Build, artifact: ArtifactRecord) -> Html:
    if artifact.state != "finished":
        return fill('{path} <span class="soft">{state}</span>', path=artifact.path, state=artifact.state)
    if artifact.url:
        # The bytes are elsewhere: the job's URL is shown as text, not as a link.
        return fill('{path} <span class="soft">{url}</span>', path=artifact.path, url=artifact.url)
    url = f"{site.build_path(build)}/artifacts/{artifact.id}"
    return fill('<a href="{url}" download>{path}</a>', url=url, path=artifact.path)
