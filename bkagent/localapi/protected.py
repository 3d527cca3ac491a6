"""Variables that a job may not change through the job API.

Source: buildkite-agent 3.137, whose list this is.
"""

from __future__ import annotations

ALWAYS = frozenset(
    (
        "BUILDKITE_AGENT_ACCESS_TOKEN",
        "BUILDKITE_AGENT_DEBUG",
        "BUILDKITE_AGENT_ENDPOINT",
        "BUILDKITE_AGENT_JOB_TIMEOUT_FILE",
        "BUILDKITE_AGENT_PID",
        "BUILDKITE_BIN_PATH",
        "BUILDKITE_BUILD_PATH",
        "BUILDKITE_CHECKOUT_OVERRIDE_MODE",
        "BUILDKITE_COMMAND_EVAL",
        "BUILDKITE_CONFIG_PATH",
        "BUILDKITE_CONTAINER_COUNT",
        "BUILDKITE_GIT_CLONE_MIRROR_FLAGS",
        "BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT",
        "BUILDKITE_GIT_MIRRORS_PATH",
        "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE",
        "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE",
        "BUILDKITE_GIT_REMOTE_MIRROR_URL",
        "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG",
        "BUILDKITE_HOOKS_PATH",
        "BUILDKITE_HOOKS_SHELL",
        "BUILDKITE_JOB_CONTEXT_DIR",
        "BUILDKITE_KUBERNETES_EXEC",
        "BUILDKITE_LOCAL_HOOKS_ENABLED",
        "BUILDKITE_PLUGINS_ENABLED",
        "BUILDKITE_PLUGINS_PATH",
        "BUILDKITE_SHELL",
        "BUILDKITE_SSH_KEYSCAN",
    )
)

# Locked only while the operator wants the checkout to be the agent's business alone.
CHECKOUT = frozenset(
    (
        "BUILDKITE_GIT_CHECKOUT_FLAGS",
        "BUILDKITE_GIT_CHECKOUT_TIMEOUT",
        "BUILDKITE_GIT_CLEAN_FLAGS",
        "BUILDKITE_GIT_CLONE_FLAGS",
        "BUILDKITE_GIT_COMMIT_VERIFICATION",
        "BUILDKITE_GIT_FETCH_FLAGS",
        "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS",
        "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE",
        "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS",
        "BUILDKITE_GIT_SUBMODULES",
        "BUILDKITE_SKIP_CHECKOUT",
    )
)
CHECKOUT_OVERRIDE_MODE = "BUILDKITE_CHECKOUT_OVERRIDE_MODE"


def is_protected(name: str, checkout_override_mode: str, *, fold_case: bool = False) -> bool:
    """Return whether the job API must refuse to change `name`; `fold_case` where names ignore case, as on Windows."""
    if fold_case:
        name = name.upper()
    return name in ALWAYS or (checkout_override_mode == "strict" and name in CHECKOUT)
