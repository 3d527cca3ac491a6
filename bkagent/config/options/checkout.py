"""Options that say how a repository is checked out."""

from bkagent.config.kinds import FILE_PATH, FLAG, ITEMS, LIST, TEXT, WHOLE, Choice, Suggested
from bkagent.config.option import Option
from bkagent.config.variables import job_variable as variable

SKIP_CHECKOUT = Option(
    "skip-checkout",
    FLAG,
    False,
    env=("BUILDKITE_SKIP_CHECKOUT",),
    help="Check out no repository.",
    job=variable.JobVariable(
        told=variable.WHEN_SET_OR_STRICT, open_to=variable.BY_MODE, place=23, field="skip", follows_hooks=True
    ),
)
OVERRIDE_MODE = Option(
    "checkout-override-mode",
    Choice("", "strict", "from-job", "none"),
    "from-job",
    env=("BUILDKITE_CHECKOUT_OVERRIDE_MODE",),
    help="What may override checkout settings: strict (nothing), from-job (hooks, plugins) or none (the pipeline too).",
    job=variable.JobVariable(place=26, open_to=variable.NOBODY, place_in_file=13),
)
GIT_CHECKOUT_FLAGS = Option(
    "git-checkout-flags",
    TEXT,
    "-f",
    env=("BUILDKITE_GIT_CHECKOUT_FLAGS",),
    help="Flags for git checkout.",
    job=variable.JobVariable(
        place=32, open_to=variable.BY_MODE, place_in_file=1, field="checkout_flags", follows_hooks=True
    ),
)
GIT_CLONE_FLAGS = Option(
    "git-clone-flags",
    TEXT,
    "-v",
    env=("BUILDKITE_GIT_CLONE_FLAGS",),
    help="Flags for git clone.",
    job=variable.JobVariable(
        place=33, open_to=variable.BY_MODE, place_in_file=4, field="clone_flags", follows_hooks=True
    ),
)
GIT_CLEAN_FLAGS = Option(
    "git-clean-flags",
    TEXT,
    "-ffxdq",
    env=("BUILDKITE_GIT_CLEAN_FLAGS",),
    help="Flags for git clean.",
    job=variable.JobVariable(
        place=39, open_to=variable.BY_MODE, place_in_file=3, field="clean_flags", follows_hooks=True
    ),
)
_VERIFICATION = (
    "What to do if the commit is not on the branch: off or empty (do nothing), warn, strict (fail), or fail-closed "
    "(fail also where that cannot be found out). With --compat 4 the default is strict; empty and warn are not allowed."
)
_CLONE_CONFIG = "Settings (key=value) for cloning submodules."
VERIFICATION_MODES = ("", "strict", "warn", "off", "fail-closed")
GIT_COMMIT_VERIFICATION = Option(
    "git-commit-verification",
    Choice(*VERIFICATION_MODES),
    "",
    env=("BUILDKITE_GIT_COMMIT_VERIFICATION",),
    help=_VERIFICATION,
    job=variable.JobVariable(
        place=42,
        open_to=variable.BY_MODE,
        field="commit_verification",
        follows_hooks=True,
        reader=Option(
            "git-commit-verification",
            Suggested(*VERIFICATION_MODES),
            "",
            env=("BUILDKITE_GIT_COMMIT_VERIFICATION",),
            help=_VERIFICATION,
        ),
    ),
)
GIT_FETCH_FLAGS = Option(
    "git-fetch-flags",
    TEXT,
    "-v --prune",
    env=("BUILDKITE_GIT_FETCH_FLAGS",),
    help="Flags for git fetch.",
    job=variable.JobVariable(
        place=34, open_to=variable.BY_MODE, place_in_file=7, field="fetch_flags", follows_hooks=True
    ),
)
GIT_SPARSE_CHECKOUT_PATHS = Option(
    "git-sparse-checkout-paths",
    LIST,
    (),
    env=("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",),
    help="Paths to check out; all if empty.",
    job=variable.JobVariable(place=35, open_to=variable.SPARSE_BY_MODE, field="sparse_paths", follows_hooks=True),
)
GIT_SPARSE_CHECKOUT_MODE = Option(
    "git-sparse-checkout-mode",
    Choice("", "cone", "no-cone"),
    "cone",
    env=("BUILDKITE_GIT_SPARSE_CHECKOUT_MODE",),
    help="How --git-sparse-checkout-paths are read: as folders (cone) or patterns as in .gitignore (no-cone).",
    job=variable.JobVariable(place=36, open_to=variable.SPARSE_BY_MODE, field="sparse_mode", follows_hooks=True),
)
GIT_CLONE_MIRROR_FLAGS = Option(
    "git-clone-mirror-flags",
    TEXT,
    "-v",
    env=("BUILDKITE_GIT_CLONE_MIRROR_FLAGS",),
    help="Flags for git clone of a mirror.",
    job=variable.JobVariable(
        place=37, open_to=variable.NOBODY, place_in_file=5, field="clone_mirror_flags", follows_hooks=True
    ),
)
GIT_MIRRORS_PATH = Option(
    "git-mirrors-path",
    FILE_PATH,
    "",
    env=("BUILDKITE_GIT_MIRRORS_PATH",),
    help="Folder of the git mirrors that jobs share; no mirrors if empty.",
    job=variable.JobVariable(place=16, open_to=variable.NOBODY, place_in_file=9, field="mirrors_path"),
)
GIT_MIRROR_CHECKOUT_MODE = Option(
    "git-mirror-checkout-mode",
    Choice("reference", "dissociate"),
    "reference",
    env=("BUILDKITE_GIT_MIRROR_CHECKOUT_MODE",),
    help="How a checkout uses the mirror's objects: reference (borrow them) or dissociate (copy them).",
    job=variable.JobVariable(
        place=38, open_to=variable.NOBODY, place_in_file=6, field="mirror_mode", follows_hooks=True
    ),
)
GIT_MIRRORS_LOCK_TIMEOUT = Option(
    "git-mirrors-lock-timeout",
    WHOLE,
    300,
    env=("BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT",),
    help="Seconds to wait for a mirror that another job is updating.",
    job=variable.JobVariable(place=40, open_to=variable.NOBODY, place_in_file=8, field="mirrors_lock_timeout_s"),
)
GIT_MIRRORS_SKIP_UPDATE = Option(
    "git-mirrors-skip-update",
    FLAG,
    False,
    env=("BUILDKITE_GIT_MIRRORS_SKIP_UPDATE",),
    help="Use existing mirrors without updating them.",
    job=variable.JobVariable(
        place=17, open_to=variable.NOBODY, place_in_file=10, field="mirrors_skip_update", follows_hooks=True
    ),
)
GIT_CHECKOUT_TIMEOUT = Option(
    "git-checkout-timeout",
    WHOLE,
    0,
    env=("BUILDKITE_GIT_CHECKOUT_TIMEOUT",),
    help="Timeout of one checkout attempt in seconds; 0 for none.",
    job=variable.JobVariable(
        told=variable.WHEN_SET_OR_STRICT, open_to=variable.BY_MODE, place=25, field="timeout_s", follows_hooks=True
    ),
)
GIT_SUBMODULE_CLONE_CONFIG = Option(
    "git-submodule-clone-config",
    ITEMS,
    (),
    env=("BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG",),
    help=_CLONE_CONFIG,
    job=variable.JobVariable(
        place=41,
        open_to=variable.NOBODY,
        place_in_file=12,
        field="submodule_clone_config",
        follows_hooks=True,
        reader=Option(
            "git-submodule-clone-config", LIST, (), env=("BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG",), help=_CLONE_CONFIG
        ),
    ),
)
GIT_SKIP_FETCH_EXISTING_COMMITS = Option(
    "git-skip-fetch-existing-commits",
    FLAG,
    False,
    env=("BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS",),
    help="Do not fetch a commit that the checkout already has.",
    job=variable.JobVariable(
        told=variable.WHEN_SET_OR_STRICT,
        open_to=variable.BY_MODE,
        place=24,
        field="skips_fetch_of_existing",
        follows_hooks=True,
    ),
)
CHECKOUT_ATTEMPTS = Option(
    "checkout-attempts",
    WHOLE,
    6,
    env=("BUILDKITE_CHECKOUT_ATTEMPTS",),
    help="How many times to try a checkout.",
    job=variable.JobVariable(place=27, field="attempts"),
)
NO_SSH_KEYSCAN = Option(
    "no-ssh-keyscan",
    FLAG,
    False,
    env=("BUILDKITE_NO_SSH_KEYSCAN",),
    help="Do not run ssh-keyscan before the first checkout from a server.",
    job=variable.JobVariable(
        place=21,
        open_to=variable.NOBODY,
        place_in_file=22,
        is_opposite=True,
        field="scans_host_keys",
        reader=Option(
            "ssh-keyscan",
            FLAG,
            True,
            env=("BUILDKITE_SSH_KEYSCAN",),
            help="Fetch the host keys of SSH servers before a checkout.",
        ),
    ),
)
NO_GIT_SUBMODULES = Option(
    "no-git-submodules",
    FLAG,
    False,
    env=("BUILDKITE_NO_GIT_SUBMODULES", "BUILDKITE_DISABLE_GIT_SUBMODULES"),
    help="Do not check out submodules.",
    job=variable.JobVariable(
        told=variable.WHEN_SET_OR_STRICT,
        open_to=variable.BY_MODE,
        place=22,
        place_in_file=11,
        is_opposite=True,
        field="submodules",
        follows_hooks=True,
        reader=Option(
            "git-submodules", FLAG, True, env=("BUILDKITE_GIT_SUBMODULES",), help="Check out submodules too."
        ),
    ),
)

CHECKOUT = tuple(value for value in globals().copy().values() if isinstance(value, Option))
