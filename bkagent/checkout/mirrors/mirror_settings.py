"""Check that a mirror's configuration has only settings that clones write: git runs programs that settings name.

Every job of the machine can write to a mirror, so that one may put `core.sshCommand` or `remote.origin.uploadpack`
there for the next. Keys are looked at as git reads them; of the values, those of the keys below can run nothing.
"""

from __future__ import annotations

import os
from typing import List

from bkagent.checkout.checkout_settings import flags_of
from bkagent.checkout.work import Work
from bkagent.git import commands
from bkagent.git.flags import clone_settings
from bkagent.git.outcome import GitFailed, Kind

# What `git init --bare`, `git clone --mirror`, `git remote set-url`, a fetch with a filter and `git maintenance` write,
# with git 1.8 to 2.51, and how administrators share a mirror (`git init --shared`) or keep jobs from packing it.
_KEYS = frozenset(
    (
        "core.repositoryformatversion", "core.filemode", "core.bare", "core.symlinks", "core.ignorecase",
        "core.precomposeunicode", "core.logallrefupdates", "core.hidedotfiles", "core.sharedrepository",
        "receive.denynonfastforwards", "extensions.objectformat", "extensions.compatobjectformat",
        "extensions.refstorage", "extensions.partialclone", "remote.origin.url", "remote.origin.fetch",
        "remote.origin.mirror", "remote.origin.tagopt", "remote.origin.promisor", "remote.origin.partialclonefilter",
        "submodule.active", "maintenance.auto", "maintenance.strategy", "gc.auto", "gc.autodetach",
    )
)  # fmt: skip
UNREADABLE = "its configuration cannot be read"
_LARGE_FILES = "lfs."  # Git LFS notes there what a server can do; git itself reads none of it


def unexpected(work: Work, folder: str) -> str:
    """Describe what in a mirror no clone has written; "" if there is nothing.

    What this job's own `git-clone-mirror-flags` would write is expected. Raises JobFailed for flags that do not parse,
    GitFailed of a damaged mirror where git cannot read its configuration.
    """
    if os.path.lexists(os.path.join(folder, "commondir")):
        return "its configuration includes other files"
    if os.path.lexists(os.path.join(folder, ".git")):
        return "it contains a .git"  # by which git replaces it where it copies or borrows from the folder
    configuration = os.path.join(folder, "config")
    if not os.path.lexists(configuration):
        return ""
    try:
        printed = work.capture(commands.settings_of_file(configuration), hidden=True)
    except GitFailed as failed:
        raise failed if failed.signal else failed.within(UNREADABLE).of_kind(Kind.DAMAGED) from failed
    given = clone_settings(flags_of("git-clone-mirror-flags", work.settings.clone_mirror_flags))
    names: List[str] = []
    for entry in printed.split("\0")[:-1]:
        name, _, value = entry.partition("\n")
        is_expected = name in _KEYS or name.startswith(_LARGE_FILES) or (name, value) in given
        if not is_expected and name not in names:
            names.append(name)
    return f"its configuration has {', '.join(names)}" if names else ""
