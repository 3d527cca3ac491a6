"""Options that say how a repository is checked out."""

from bkagent.config.kinds import FILE_PATH, FLAG, ITEMS, LIST, TEXT, WHOLE, Choice
from bkagent.config.option import Option

SKIP_CHECKOUT = Option("skip-checkout", FLAG, False, env=("BUILDKITE_SKIP_CHECKOUT",), help="Check out no repository.")
OVERRIDE_MODE = Option(
    "checkout-override-mode",
    Choice("", "strict", "from-job", "none"),
    "from-job",
    env=("BUILDKITE_CHECKOUT_OVERRIDE_MODE",),
    help="Who may change these settings: strict (nobody), from-job (hooks and plugins) or none (the pipeline too).",
)
GIT_CHECKOUT_FLAGS = Option(
    "git-checkout-flags",
    TEXT,
    "-f",
    env=("BUILDKITE_GIT_CHECKOUT_FLAGS",),
    help="Flags for git checkout.",
)
GIT_CLONE_FLAGS = Option("git-clone-flags", TEXT, "-v", env=("BUILDKITE_GIT_CLONE_FLAGS",), help="Flags for git clone.")
GIT_CLEAN_FLAGS = Option(
    "git-clean-flags",
    TEXT,
    "-ffxdq",
    env=("BUILDKITE_GIT_CLEAN_FLAGS",),
    help="Flags for git clean.",
)
VERIFICATION_MODES = ("", "strict", "warn", "off", "fail-closed")
GIT_COMMIT_VERIFICATION = Option(
    "git-commit-verification",
    Choice(*VERIFICATION_MODES),
    "",
    env=("BUILDKITE_GIT_COMMIT_VERIFICATION",),
    help="What to do when the commit is not on the branch: off (nothing; so is empty), warn, strict (fail), or "
    "fail-closed (fail where that cannot be found out, too). With --compat 4: strict unless set, never empty or warn.",
)
GIT_FETCH_FLAGS = Option(
    "git-fetch-flags",
    TEXT,
    "-v --prune",
    env=("BUILDKITE_GIT_FETCH_FLAGS",),
    help="Flags for git fetch.",
)
GIT_SPARSE_CHECKOUT_PATHS = Option(
    "git-sparse-checkout-paths",
    LIST,
    (),
    env=("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",),
    help="Paths to check out; all without any.",
)
GIT_SPARSE_CHECKOUT_MODE = Option(
    "git-sparse-checkout-mode",
    Choice("", "cone", "no-cone"),
    "cone",
    env=("BUILDKITE_GIT_SPARSE_CHECKOUT_MODE",),
    help="What those paths are: folders (cone) or patterns as in .gitignore (no-cone).",
)
GIT_CLONE_MIRROR_FLAGS = Option(
    "git-clone-mirror-flags",
    TEXT,
    "-v",
    env=("BUILDKITE_GIT_CLONE_MIRROR_FLAGS",),
    help="Flags for git clone of a mirror.",
)
GIT_MIRRORS_PATH = Option(
    "git-mirrors-path",
    FILE_PATH,
    "",
    env=("BUILDKITE_GIT_MIRRORS_PATH",),
    help="Folder of the mirrors that jobs share; none when empty.",
)
GIT_MIRROR_CHECKOUT_MODE = Option(
    "git-mirror-checkout-mode",
    Choice("reference", "dissociate"),
    "reference",
    env=("BUILDKITE_GIT_MIRROR_CHECKOUT_MODE",),
    help="Whether a checkout borrows the mirror's objects or copies them.",
)
GIT_MIRRORS_LOCK_TIMEOUT = Option(
    "git-mirrors-lock-timeout",
    WHOLE,
    300,
    env=("BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT",),
    help="Seconds to wait for a mirror that another job updates.",
)
GIT_MIRRORS_SKIP_UPDATE = Option(
    "git-mirrors-skip-update",
    FLAG,
    False,
    env=("BUILDKITE_GIT_MIRRORS_SKIP_UPDATE",),
    help="Use a mirror as it is.",
)
GIT_CHECKOUT_TIMEOUT = Option(
    "git-checkout-timeout",
    WHOLE,
    0,
    env=("BUILDKITE_GIT_CHECKOUT_TIMEOUT",),
    help="Longest time of one checkout attempt in seconds; 0 for no limit.",
)
GIT_SUBMODULE_CLONE_CONFIG = Option(
    "git-submodule-clone-config",
    ITEMS,
    (),
    env=("BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG",),
    help="Settings (key=value) for cloning submodules.",
)
GIT_SKIP_FETCH_EXISTING_COMMITS = Option(
    "git-skip-fetch-existing-commits",
    FLAG,
    False,
    env=("BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS",),
    help="Do not fetch a commit that is already there.",
)
CHECKOUT_ATTEMPTS = Option(
    "checkout-attempts",
    WHOLE,
    6,
    env=("BUILDKITE_CHECKOUT_ATTEMPTS",),
    help="How often to try a checkout.",
)
NO_SSH_KEYSCAN = Option(
    "no-ssh-keyscan",
    FLAG,
    False,
    env=("BUILDKITE_NO_SSH_KEYSCAN",),
    help="Do not ask a server for its host key before the first checkout from it.",
)
NO_GIT_SUBMODULES = Option(
    "no-git-submodules",
    FLAG,
    False,
    env=("BUILDKITE_NO_GIT_SUBMODULES", "BUILDKITE_DISABLE_GIT_SUBMODULES"),
    help="Leave submodules alone.",
)

CHECKOUT = (
    SKIP_CHECKOUT, OVERRIDE_MODE, GIT_CHECKOUT_FLAGS, GIT_CLONE_FLAGS, GIT_CLEAN_FLAGS, GIT_COMMIT_VERIFICATION,
    GIT_FETCH_FLAGS, GIT_SPARSE_CHECKOUT_PATHS, GIT_SPARSE_CHECKOUT_MODE, GIT_CLONE_MIRROR_FLAGS, GIT_MIRRORS_PATH,
    GIT_MIRROR_CHECKOUT_MODE, GIT_MIRRORS_LOCK_TIMEOUT, GIT_MIRRORS_SKIP_UPDATE, GIT_CHECKOUT_TIMEOUT,
    GIT_SUBMODULE_CLONE_CONFIG, GIT_SKIP_FETCH_EXISTING_COMMITS, CHECKOUT_ATTEMPTS, NO_SSH_KEYSCAN, NO_GIT_SUBMODULES,
)  # fmt: skip
