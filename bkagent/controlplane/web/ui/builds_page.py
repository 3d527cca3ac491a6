"""The list of builds, and the list of agents."""

from __future__ import annotations

from typing import Sequence

from bkagent.controlplane.records import Agent, Build
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui import words
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join

MESSAGE_CHARACTERS = 120


def builds_table(site: Site, builds: Sequence[Build], now: float) -> Html:
    """Return builds as a table, a row each."""
    if not builds:
        return fill("<p>No builds yet. Create one with <code>bkagent build create</code>.</p>")
    rows = [
        fill(
            '<tr><td>{state}</td><td><a href="{path}">{pipeline} #{number}</a></td><td>{message}</td>'
            "<td>{branch}</td><td>{at}</td><td>{took}</td></tr>",
            state=words.state("blocked" if build.blocked else build.state), path=site.build_path(build),
            pipeline=build.pipeline_slug, number=build.number, message=first_line(build.message), branch=build.branch,
            at=words.moment(build.created_at), took=words.between(build.started_at, build.finished_at, now),
        )
        for build in builds
    ]  # fmt: skip
    head = "<tr><th>State</th><th>Build</th><th>Message</th><th>Branch</th><th>Created</th><th>Took</th></tr>"
    return fill("<table><thead>{head}</thead><tbody>{rows}</tbody></table>", head=Html(head), rows=join(rows))


def first_line(message: str) -> str:
    """Return the first line of a message, cut to what a table takes."""
    line = message.strip().partition("\n")[0]
    return line if len(line) <= MESSAGE_CHARACTERS else line[: MESSAGE_CHARACTERS - 1] + "\u2026"


def page_links(path: str, page: int, pages_count: int) -> Html:
    """Return links to the neighbours of a page, nothing where there is one page only."""
    links = []
    for words_, number in (("Newer", page - 1), ("Older", page + 1)):
        if 1 <= number <= pages_count:
            links.append(fill('<a href="{path}?page={number}">{words}</a>', path=path, number=number, words=words_))
    return fill('<nav class="pages">{links}</nav>', links=join(links)) if links else NOTHING


def agents_table(agents: Sequence[Agent], job_paths: Sequence[str]) -> Html:
    """Return agents as a table; `job_paths` holds for each the page of the job that it runs, or ""."""
    if not agents:
        return fill("<p>No agent is connected. Start one with <code>bkagent start</code>.</p>")
    rows = [
        fill(
            '<tr id="{id}"><td>{state}</td><td>{name}</td><td>{host}</td><td>{tags}</td><td>{version}</td>'
            "<td>{job}</td></tr>",
            id=agent.id, state=words.state("paused" if agent.paused else agent.state), name=agent.name,
            host=agent.hostname, tags=", ".join(agent.meta_data), version=agent.version,
            job=fill('<a href="{path}">running a job</a>', path=path) if path else NOTHING,
        )
        for agent, path in zip(agents, job_paths)
    ]  # fmt: skip
    head = "<tr><th>State</th><th>Agent</th><th>Host</th><th>Tags</th><th>Version</th><th>Job</th></tr>"
    return fill("<table><thead>{head}</thead><tbody>{rows}</tbody></table>", head=Html(head), rows=join(rows))
