"""Apply what a hook changed: the working directory, variables, and the settings that follow from them."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping

from bkagent.config.variables.protected_variables import IGNORED
from bkagent.errors import JobFailed
from bkagent.hooks.changes import Changes
from bkagent.job.job import RunningJob
from bkagent.wire import go_quoted


def apply(job: RunningJob, changes: Changes, scope: str) -> None:
    """Apply the changes of a hook of `scope`, but for what is closed to it, and say so in the log.

    Values are shown only where they steer the checkout or artifacts.
    """
    session = job.session
    if changes.directory and changes.directory != session.cwd:
        go_to(job, changes.directory)
    requested = {**dict.fromkeys(changes.unset), **changes.set}
    blocked = sorted(name for name, value in requested.items() if job.protection.closes(name, value, scope))
    if blocked:
        note_ignored(job, blocked)
        names = " ".join(blocked)
        job.log.comment(f"Changes to some env vars were blocked; the affected vars are: [{names}]")
    put = {name: value for name, value in changes.set.items() if name not in blocked}
    gone = [name for name in changes.unset if name not in blocked]
    with session.lock:
        session.env.update(put)
        for name in gone:
            session.env.pop(name, None)
    # As its own shell found them: a plugin's hook has variables that the job has not.
    effects = {name: "changed" if name in changes.before else "added" for name in put}
    effects.update((name, "removed") for name in gone)
    refresh(job, effects, changes.before)


def note_ignored(job: RunningJob, blocked: Iterable[str]) -> None:
    """Add to BUILDKITE_IGNORED_ENV what only the agent's side may set."""
    known: List[str] = [name for name in (job.get_env(IGNORED) or "").split(",") if name]
    added = [name for name in blocked if job.protection.shields(name) and name not in known]
    if added:
        job.set_env(IGNORED, ",".join([*known, *added]))


def refresh(
    job: RunningJob, effects: "Dict[str, str] | None" = None, before: "Mapping[str, str] | None" = None
) -> None:
    """Take over what hooks or in-job commands changed; `effects` says what happened to which variable."""
    with job.session.lock:
        env = dict(job.session.env)
    job.redactions.add_from(env, job.log)
    new = job.refreshed.refresh(env, job.log.comment)
    if job.refreshed.checkout.lfs:
        job.set_env("GIT_LFS_SKIP_SMUDGE", "1")
    effects = effects or {}
    for name in sorted({*effects, *new}):
        effect = effects.get(name, "added")
        if name not in new:
            job.log.comment(f"{name} {effect}")
        elif effect == "changed" and before is not None:
            job.log.comment(f"{name} was {go_quoted.go_quote(before[name])} and is now {go_quoted.go_quote(new[name])}")
        else:
            job.log.comment(f"{name} is now {go_quoted.go_quote(new[name])}")


def go_to(job: RunningJob, folder: str) -> None:
    """Go to a folder that a hook asked for; a failure is seen in the log and ignored, as in the reference."""
    try:
        job.session.chdir(folder)
    except JobFailed as failed:
        job.log.comment(str(failed))
