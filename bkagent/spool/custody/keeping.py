"""Move what cannot be delivered out of the spool, to `kept` beside it, for a person to look at. Nothing of it is lost.

An entry keeps its form, without what is secret. What has not the form of one (a link, a file, a folder with such things
in place of its files) is moved as it is, and nothing in it is opened or written to.
"""

from __future__ import annotations

import os

from bkagent.errors import AgentError, WireError
from bkagent.spool import layout, result
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import session_file
from bkagent.system import private_folder, renaming
from bkagent.system.durable import replace_file
from bkagent.system.plain_file import is_own_folder, open_plain

_AS_IT_WAS = "entry"  # inside its folder in `kept`
_MOST_OF_ONE_JOB = 1000


def keep_entry(entry: AgentEntry, reason: str) -> str:
    """Move an entry that the caller owns; return where it is now. Raises OSError, AgentError."""
    if not is_own_folder(entry.folder):
        return keep_as_is(entry.folder, reason)
    try:
        _write_reason(entry.folder, reason)  # from here on it is no entry
        _forget_secrets(entry)
        _finish_result(entry)
    except OSError:
        return keep_as_is(entry.folder, reason)  # a folder in place of a file, say
    entry.release()  # Windows renames no folder with an open file
    target = _free_name(layout.state_of(entry.folder), entry.job_id)
    renaming.rename(entry.folder, target)
    return target


def clear_away(entry: AgentEntry, reason: str) -> None:
    """Make room for the job in the spool: remove what has no log, keep the rest for a person to look at."""
    if entry.log_size():
        keep_entry(entry, reason)
    else:
        entry.release()
        layout.remove_folder(entry.folder)


def keep_as_is(path: str, reason: str) -> str:
    """Move whatever stands at a path of the spool; return where it is now. Raises OSError, AgentError."""
    target = _free_name(layout.state_of(path), os.path.basename(path))
    os.mkdir(target, private_folder.INNER_MODE)
    _write_reason(target, reason)
    renaming.rename(path, os.path.join(target, _AS_IT_WAS))
    return target


def _free_name(state_path: str, name: str) -> str:
    kept_folder = private_folder.make(os.path.join(state_path, layout.KEPT))
    for number in range(_MOST_OF_ONE_JOB):
        target = os.path.join(kept_folder, name + (f".{number}" if number else ""))
        if not os.path.lexists(target):
            return target
    raise AgentError(f"{kept_folder} holds a thousand logs of the job {name}")


def _write_reason(folder: str, reason: str) -> None:
    path = os.path.join(folder, layout.KEPT_REASON)
    with open(path, "w", encoding="utf-8", errors="surrogateescape", opener=open_plain) as file:
        file.write(reason.strip() + "\n")


def _forget_secrets(entry: AgentEntry) -> None:
    """Take tokens and the job's environment out of a kept entry: a person looks at it, no agent delivers it."""
    for name in os.listdir(entry.folder):
        if name.startswith(layout.JOB_ENV_PREFIX):
            os.unlink(os.path.join(entry.folder, name))
    try:
        job = entry.job
    except AgentError:
        return  # damaged, which may be why it is kept
    _forget_session(entry, job.token)
    text = job._replace(token="").to_text()
    replace_file(os.path.join(entry.folder, layout.JOB), text.encode("utf-8", "surrogateescape"))


def _forget_session(entry: AgentEntry, token: str) -> None:
    try:
        session = entry.session
    except WireError:
        return
    if session is not None and session_file.is_same_token(session.token, token):
        session_file.remove(layout.state_of(entry.folder), entry.job_id)


def _finish_result(entry: AgentEntry) -> None:
    """Make an announced result one that counts after the next start of the machine as well."""
    try:
        outcome = entry.result()
    except WireError:
        return
    if outcome is not None:
        result.write(entry.folder, outcome)
