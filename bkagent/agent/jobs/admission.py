"""Jobs that this agent must not run: those whose signature does not hold, or that its owner does not allow; notices."""

from __future__ import annotations

import json
from typing import Iterable, List, Optional, Sequence, Tuple

from bkagent.agent.jobs.job_environment import MIRROR_URL
from bkagent.agent.jobs.job_verification import JobVerification
from bkagent.agent.settings import JobSettings
from bkagent.config.options import agent, bootstrap
from bkagent.config.variables import build_variables
from bkagent.named_tuple import NamedTuple
from bkagent.pipeline.grammar import cache_paths
from bkagent.redaction.url_password import masked
from bkagent.wire import json_text
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import REFUSED, SIGNATURE_REJECTED

_MOST_NAMED = 20


class Refusal(NamedTuple):
    """Why a job does not run: lines for its log, and the reason for the control plane."""

    lines: Tuple[str, ...]
    reason: str


def refusal_for_names(clashing: Sequence[str]) -> Optional[Refusal]:
    """Return why a job must not run whose variables have these names, each twice where case makes no difference."""
    if not clashing:
        return None
    # Which of the two counts would be a matter of chance, and one that is checked would speak for the other.
    named = ", ".join(name.encode("unicode_escape").decode("ascii") for name in clashing[:_MOST_NAMED])
    line = f"failed to validate environment variables: names that differ from others only by case: {named}"
    return Refusal((line,), REFUSED)


REJECTED_BY_HOOK = Refusal(
    ("pre-bootstrap hook rejected this job, see the buildkite-agent logs for more details",), REFUSED
)


_LISTS = (agent.ALLOWED_REPOSITORIES, agent.ALLOWED_PLUGINS, agent.ENABLE_VARIABLE_ALLOWLIST)


def refusal_for(job: AcceptedJob, settings: JobSettings, verification: JobVerification) -> Optional[Refusal]:
    """Return why the job must not run here, None when it may."""
    if verification.is_refused:
        return Refusal(verification.lines, SIGNATURE_REJECTED)
    for line in _not_allowed(job, settings):
        return Refusal((line,), REFUSED)
    return None


def notices_for(job: AcceptedJob, verification: JobVerification) -> Tuple[str, ...]:
    """Return lines for the log of a job that does not end because of its signature."""
    return () if verification.is_refused else (*verification.lines, *_about_cache(job))


def _about_cache(job: AcceptedJob) -> Tuple[str, ...]:
    paths = cache_paths(job.step.get("cache"))
    if not paths or job.env.get(build_variables.COMPUTE_TYPE) != "self-hosted":
        return ()
    return ("+++ ⚠️ Cache settings detected on self-hosted agent", f"cache paths: {', '.join(paths)}")


def permitted_mirror(job: AcceptedJob, settings: JobSettings) -> Tuple[AcceptedJob, Tuple[str, ...]]:
    """Return the job without a mirror of its repository that the owner does not allow, and lines for its log."""
    url = job.env.get(MIRROR_URL, "")
    if not url or not settings[agent.ALLOWED_REPOSITORIES]:
        return job, ()
    from bkagent.agent.jobs import allow_lists

    if allow_lists.allows_repository(url, settings):
        return job, ()
    # The line of buildkite/agent `agent/run_job.go`: its address is that of the mirror that is left out.
    line = f"Remote Git mirror is not permitted by --allowed-repositories; using canonical repository: {masked(url)}"
    return job._replace(env={**job.env, MIRROR_URL: ""}), (line,)


def _not_allowed(job: AcceptedJob, settings: JobSettings) -> Iterable[str]:
    """Yield a line for each thing of the job that no pattern allows."""
    text = job.env.get(bootstrap.PLUGINS.env[0], "") if not settings[agent.NO_PLUGINS] else ""
    try:
        sources = _sources(text) if text else []
    except ValueError as problem:
        yield f"failed to validate plugins: failed to unmarshal plugins for validation: {problem}"
        return
    if any(settings[option] for option in _LISTS):
        # Loaded here: most agents allow everything.
        from bkagent.agent.jobs import allow_lists

        yield from allow_lists.problems(job.env, sources, settings)


def _sources(text: str) -> List[str]:
    """Return the sources of the job's plugins. Raises ValueError for what is no list of plugins."""
    plugins = json_text.loads(text)
    sources: List[str] = []
    for plugin in plugins if isinstance(plugins, list) else []:
        if isinstance(plugin, str):
            sources.append(plugin)
        elif isinstance(plugin, dict):
            sources += plugin
        else:
            raise ValueError(f"a plugin must be a string or an object, not {json.dumps(plugin)[:40]}")
    return sources
