"""Agents as HTML: the list of those in touch and of the lost ones, and the page of each."""

from __future__ import annotations

import re
from typing import Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote

from bkagent.controlplane.login.sessions import LoginSession
from bkagent.controlplane.records import Agent, Build, Job
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui import build_page, forms, tables, words
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join

PATH = "/-/agents"
# A job and the build that it belongs to.
JobOfBuild = Tuple[Job, Build]
_COLUMNS = (("State", "few"), ("Agent", "main"), ("Tags", "wide"), ("Job", "some"), ("Since", "few"))
_JOB_COLUMNS = (("State", "few"), ("Job", "main"), ("Build", "some"), ("Result", "some"), ("Took", "few"))
_HIDDEN = '{word}<span class="hidden"> the agent {name}</span>'


def agent_path(agent_id: str) -> str:
    """Return the path of an agent's page."""
    return f"{PATH}/{quote(agent_id, safe='')}"


def agents_table(
    site: Site, caption: str, agents: Sequence[Agent], jobs: Mapping[str, JobOfBuild],
    session: Optional[LoginSession], back_to: str, now: float,
) -> Html:  # fmt: skip
    """Return agents as a table; `jobs` has by agent the job that each runs. With a session there are buttons."""
    columns = (*_COLUMNS, ("Actions", "few")) if session else _COLUMNS
    rows = []
    for agent in agents:
        buttons = [_buttons(agent, session, f"{back_to}#{agent.id}")] if session else []
        name = fill('{link} <span class="soft">{version}</span>', link=agent_link(agent), version=agent.version)
        cells = [
            agent_state(agent), name, tag_list(agent.meta_data), _job_of(site, agent, jobs.get(agent.id)),
            words.ago(agent.lost_at or agent.connected_at or agent.created_at, now), *buttons,
        ]  # fmt: skip
        rows.append(tables.row(columns, cells, agent.id))
    return tables.table(caption, columns, [tables.body(columns, rows)])


def agent_state(agent: Agent) -> Html:
    """Return an agent's state; one that is paused shows that."""
    return words.state("paused" if agent.paused and agent.state == "connected" else agent.state)


def tag_list(tags: Iterable[str]) -> Html:
    """Return tags as a list, nothing where there are none."""
    items = join([fill("<li>{tag}</li>", tag=tag) for tag in tags])
    return fill('<ul class="tags">{items}</ul>', items=items) if items else NOTHING


def agent_link(agent: Agent) -> Html:
    """Return a link to an agent's page, with its host where that has another name."""
    host = "" if agent.hostname in ("", agent.name) else agent.hostname
    return fill(
        '<a href="{path}">{name}</a>{host}', path=agent_path(agent.id), name=agent.name,
        host=fill(' <span class="soft">{host}</span>', host=host) if host else NOTHING,
    )  # fmt: skip


def _system_name(os: str) -> str:
    """Return the name of a system; agents on Linux send the whole of os-release(5) for it."""
    name = re.search(r'^PRETTY_NAME=(["\']?)(.+)\1$', os, re.MULTILINE)
    return name.group(2) if name else os


def _job_of(site: Site, agent: Agent, job: Optional[JobOfBuild]) -> Html:
    if job:
        return job_link(site, *job)
    return Html('<span class="soft">idle</span>') if agent.state in ("connected", "stopping") else NOTHING


def job_link(site: Site, job: Job, build: Build) -> Html:
    """Return a link to a job's page that names its build as well."""
    return fill(
        '<a href="{path}">{name}</a> <span class="soft">{build}</span>', path=site.job_path(build, job.id),
        name=build_page.job_name(job), build=f"{build.pipeline_slug} #{build.number}",
    )  # fmt: skip


def _buttons(agent: Agent, session: LoginSession, back_to: str) -> Html:
    """Return what can be done with an agent at a click."""
    actions: List[Tuple[str, str]] = []
    if agent.paused:
        actions.append(("resume", "Resume"))
    elif agent.state == "connected":
        actions.append(("pause", "Pause"))
    if agent.state == "connected":
        actions.append(("stop", "Stop"))
    pieces = [
        forms.form(
            session, f"{agent_path(agent.id)}/{action}",
            fill("<button>{words}</button>", words=fill(_HIDDEN, word=word, name=agent.name)), back_to=back_to,
        )
        for action, word in actions
    ]  # fmt: skip
    return fill('<div class="actions">{pieces}</div>', pieces=join(pieces))


def agent_facts(site: Site, agent: Agent, job: Optional[JobOfBuild], heard_at: float, now: float) -> Html:
    """Return what is known of an agent."""
    facts: List[Tuple[str, Html]] = [
        ("State", agent_state(agent)),
        ("Job", _job_of(site, agent, job)),
        ("Paused", _pause(agent)),
        ("Tags", tag_list(agent.meta_data)),
        ("Host", fill("{host}", host=agent.hostname)),
        ("System", fill("{system}", system=" ".join(part for part in (_system_name(agent.os), agent.arch) if part))),
        ("Version", fill("{version}", version=f"{agent.version} ({agent.build})" if agent.build else agent.version)),
        ("Priority", NOTHING if agent.priority is None else fill("{priority}", priority=agent.priority)),
        ("Connected", words.moment(agent.connected_at)),
        ("Last heard of", words.ago(heard_at, now) if agent.state in ("connected", "stopping") else NOTHING),
        ("Lost", words.moment(agent.lost_at)),
        ("Disconnected", words.moment(agent.disconnected_at)),
        ("Address", fill("{address}", address=agent.ip_address)),
        ("Process", fill("{pid}", pid=agent.pid) if agent.pid else NOTHING),
        ("Registered by", fill("{name}", name=agent.creator.get("name") or "")),
    ]  # fmt: skip
    return build_page.definitions(facts)


def _pause(agent: Agent) -> Html:
    if not agent.paused:
        return NOTHING
    texts = [f"for at most {agent.paused_timeout_minutes} min" if agent.paused_timeout_minutes else ""]
    texts += [f"by {agent.paused_by}" if agent.paused_by else "", agent.paused_note]
    return fill("{moment} {rest}", moment=words.moment(agent.paused_at), rest="; ".join(filter(None, texts)))


def agent_forms(agent: Agent, session: LoginSession) -> Html:
    """Return the forms that pause, resume and stop an agent, as far as its state lets them."""
    path, pieces = agent_path(agent.id), []
    if agent.paused:
        pieces.append(forms.form(session, f"{path}/resume", Html("<button>Resume</button>"), back_to=path))
    elif agent.state == "connected":
        pieces.append(forms.form(session, f"{path}/pause", _PAUSE_FIELDS, back_to=path))
    if agent.state == "connected":
        pieces.append(forms.form(session, f"{path}/stop", _STOP_FIELDS, back_to=path))
    return fill('<div class="actions panels">{pieces}</div>', pieces=join(pieces)) if pieces else NOTHING


_PAUSE_FIELDS = Html(
    '<label for="note">Note</label> <input id="note" name="note" maxlength="1000" autocomplete="off">\n'
    '<label for="minutes">Minutes</label> <input id="minutes" name="minutes" inputmode="numeric" size="5" value="5" '
    'autocomplete="off">\n<button>Pause</button>'
)
_STOP_FIELDS = Html(
    '<label><input type="checkbox" name="force" value="true"> Cancel the build of its job</label>\n'
    "<button>Stop</button>"
)


def jobs_table(site: Site, jobs: Sequence[JobOfBuild], now: float) -> Html:
    """Return the jobs that an agent had."""
    rows = []
    for job, build in jobs:
        name = fill('<a href="{path}">{name}</a>', path=site.job_path(build, job.id), name=build_page.job_name(job))
        place = fill(
            '<a href="{path}">{name}</a>', path=site.build_path(build), name=f"{build.pipeline_slug} #{build.number}"
        )
        took = words.between(job.started_at, job.finished_at, now)
        cells = (build_page.job_state(job), name, place, build_page.exit_text(job), took)
        rows.append(tables.row(_JOB_COLUMNS, cells, job.id))
    return tables.table("Jobs of this agent", _JOB_COLUMNS, [tables.body(_JOB_COLUMNS, rows)])
