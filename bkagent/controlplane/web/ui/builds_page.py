"""The list of builds, and what lists share."""

from __future__ import annotations

from typing import Sequence, Tuple

from bkagent.controlplane.records import Build
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui import tables, words
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join

MESSAGE_CHARACTERS, BRANCH_CHARACTERS = 120, 60
_COLUMNS = (("State", "few"), ("Build", "main"), ("Branch", "some"), ("Created", "few"), ("Took", "few"))


def builds_table(site: Site, builds: Sequence[Build], now: float) -> Html:
    """Return builds as a table, a row each."""
    if not builds:
        return Html('<p class="empty">No builds yet. Create one with <code>bkagent build create</code>.</p>')
    rows = [tables.row(_COLUMNS, _cells(site, build, now), build.id) for build in builds]
    return tables.table("Builds", _COLUMNS, [tables.body(_COLUMNS, rows)])


def _cells(site: Site, build: Build, now: float) -> Tuple[Html, ...]:
    name = fill(
        '<a href="{path}">{pipeline} #{number}</a> {message}', path=site.build_path(build),
        pipeline=build.pipeline_slug, number=build.number, message=with_emoji(first_line(build.message)),
    )  # fmt: skip
    return (
        words.state("blocked" if build.blocked else build.state), name,
        fill("{branch}", branch=first_line(build.branch, BRANCH_CHARACTERS)), words.ago(build.created_at, now),
        words.between(build.started_at, build.finished_at, now),
    )  # fmt: skip


def first_line(message: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return the first line of a message, cut to what a table takes."""
    line = message.strip().partition("\n")[0]
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def page_links(path: str, page: int, pages_count: int, nearer: str = "Previous", further: str = "Next") -> Html:
    """Return links to the neighbours of a page, nothing where there is one page only."""
    links = [
        fill('<a href="{path}">{words}</a>', path=page_path(path, number), words=words_)
        for words_, number in ((nearer, page - 1), (further, page + 1))
        if 1 <= number <= pages_count
    ]
    if not links:
        return NOTHING
    where = fill('<span class="soft">Page {page} of {count}</span>', page=min(page, pages_count), count=pages_count)
    return fill('<nav class="pages" aria-label="More">{links}</nav>', links=join([*links, where]))


def page_path(path: str, page: int) -> str:
    """Return the path of another page of a list."""
    return f"{path}{'&' if '?' in path else '?'}page={page}"
