"""One build: its facts, its jobs, their annotations and artifacts."""

from __future__ import annotations

from itertools import groupby
from typing import Dict, Iterable, List, Mapping, Sequence, Tuple
from urllib.parse import urlencode

from bkagent.controlplane.attachments import ArtifactRecord
from bkagent.controlplane.records import Build, Job
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui import tables, words
from bkagent.controlplane.web.ui.builds_page import first_line
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.wire.human_size import format_size

ARTIFACTS_COUNT = 500
NOTES_COUNT = 20
_COLUMNS = (("State", "few"), ("Job", "main"), ("Result", "some"), ("Took", "few"))
_FILE_COLUMNS = (("Path", "main"), ("Size", "number"))


def heading(site: Site, build: Build, now: float) -> Html:
    """Return what stands above a build's jobs."""
    name = build.author.get("name") or build.creator.get("name") or ""
    facts: List[Tuple[str, Html]] = [
        ("State", words.state("blocked" if build.blocked else build.state)),
        ("Branch", fill("{branch}", branch=build.branch)),
        ("Commit", fill("<code>{commit}</code>", commit=build.commit[:12])),
        ("By", fill("{name}", name=name)),
        ("Created", words.moment(build.created_at)),
        ("Took", words.between(build.started_at, build.finished_at, now)),
    ]  # fmt: skip
    return fill(
        '<h1>{pipeline} #{number} <span class="soft">{message}</span></h1>\n{facts}',
        pipeline=build.pipeline_slug, number=build.number, message=with_emoji(first_line(build.message)),
        facts=definitions(facts),
    )  # fmt: skip


def definitions(facts: Iterable[Tuple[str, Html]]) -> Html:
    """Return names and what they stand for; those that stand for nothing are left out."""
    items = [fill("<div><dt>{name}</dt><dd>{text}</dd></div>", name=name, text=text) for name, text in facts if text]
    return fill('<dl class="facts">{items}</dl>', items=join(items))


def unsent_notifications(lines: Sequence[str]) -> Html:
    """Return a list of the notifications that a build's pipelines ask for and this control plane does not send."""
    if not lines:
        return NOTHING
    items = join(fill("<li>{line}</li>", line=line) for line in lines[:NOTES_COUNT])
    more = len(lines) - NOTES_COUNT
    rest = fill("<li>and {more} more</li>", more=more) if more > 0 else NOTHING
    return fill('<ul class="soft">{items}{rest}</ul>', items=items, rest=rest)


def job_counts(path: str, jobs: Sequence[Job], shown: str) -> Html:
    """Return how many jobs have which state, each a link to those alone; `shown` is the state of this page, or ""."""
    counts: Dict[str, int] = {}
    for job in jobs:
        counts[state_word(job)] = counts.get(state_word(job), 0) + 1
    entries = [("", f"All {len(jobs)}", path)]
    entries += [(word, f"{count} {word.replace('_', ' ')}", _state_path(path, word)) for word, count in counts.items()]
    links = [
        fill(
            '<li><a href="{path}"{mark}>{words}</a></li>', path=link, words=text,
            mark=Html(' aria-current="true"') if word == shown else NOTHING,
        )
        for word, text, link in entries
    ]  # fmt: skip
    return fill('<nav aria-label="Jobs by state"><ul class="counts">{links}</ul></nav>', links=join(links))


def _state_path(path: str, word: str) -> str:
    return f"{path}?{urlencode({'state': word})}"


def jobs_table(site: Site, build: Build, jobs: Sequence[Job], reasons: Mapping[str, str], now: float) -> Html:
    """Return jobs in the build's order, a row each; `reasons` says by id why one waits."""
    path = site.build_path(build)
    bodies = [
        tables.body(
            _COLUMNS, [_row(path, job, reasons.get(job.id, ""), now) for job in members],
            with_emoji(members[0].group_label or members[0].group_key or "\u2014") if group else "",
        )
        for group, members in ((group, list(each)) for group, each in groupby(jobs, lambda job: job.group_id))
    ]  # fmt: skip
    return tables.table("Jobs", _COLUMNS, bodies)


def _row(build_path: str, job: Job, reason: str, now: float) -> Html:
    name = fill("{name}", name=job_name(job))
    if job.type == "script":
        name = fill('<a href="{path}/jobs/{id}">{name}</a>', path=build_path, id=job.id, name=name)
    cells = (
        job_state(job), fill("{name}{notes}", name=name, notes=_notes(job, reason)), exit_text(job),
        words.between(job.started_at, job.finished_at, now),
    )  # fmt: skip
    return tables.row(_COLUMNS, cells, job.id)


def state_word(job: Job) -> str:
    """Return the word for a job's state; a soft failure has its own."""
    return "soft_failed" if job.soft_failed else job.shown_state


def job_state(job: Job) -> Html:
    """Return a job's state; a soft failure is marked."""
    return words.state(state_word(job))


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


def _notes(job: Job, reason: str) -> Html:
    notes = [with_emoji(text) for text in (job.reason, reason) if text]
    if job.retried:
        notes.append("retried")
    if job.retries_count:
        notes.append(f"attempt {job.retries_count + 1}")
    if job.type == "manual" and job.state == "blocked":
        notes.append("waits to be unblocked")
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
    rows = [
        tables.row(_FILE_COLUMNS, (_link(site, build, artifact), fill("{size}", size=format_size(artifact.file_size))))
        for artifact in artifacts[:ARTIFACTS_COUNT]
    ]
    more = len(artifacts) - ARTIFACTS_COUNT
    note = fill('<p class="soft">And {more} more.</p>', more=more) if more > 0 else NOTHING
    table = tables.table("Artifacts", _FILE_COLUMNS, [tables.body(_FILE_COLUMNS, rows)])
    return fill("<h2>Artifacts</h2>\n{table}{note}", table=table, note=note)


def _link(site: Site, build: Build, artifact: ArtifactRecord) -> Html:
    if artifact.state != "finished":
        return fill('{path} <span class="soft">{state}</span>', path=artifact.path, state=artifact.state)
    if artifact.url:
        # The bytes are elsewhere: the job's URL is shown as text, not as a link.
        return fill('{path} <span class="soft">{url}</span>', path=artifact.path, url=artifact.url)
    url = f"{site.build_path(build)}/artifacts/{artifact.id}"
    return fill('<a href="{url}" download>{path}</a>', url=url, path=artifact.path)
