"""Where version 4 of the reference differs from 3.138, one named switch for each difference.

The rows are those that this release knows; docs/compat.md has them in words.
"""

from bkagent.config.kinds import Choice
from bkagent.config.option import Option

COMPAT = Option(
    "compat", Choice("3", "4"), "3", env=("BKAGENT_COMPAT",),
    help="Version of buildkite-agent to follow where 3.138 and 4 differ: 3 or 4.",
)  # fmt: skip
LEGACY_ORDER = "legacy-post-hook-order"  # version 4's experiment that brings the old order back
# Version 3's experiments for what 4 always does.
NORMALISED_PATHS = "normalised-upload-paths"
OVERRIDE_ZERO_EXIT = "override-zero-exit-on-cancel"


class Compat:
    """The switches.

    overrides_zero_exit   a cancelled job whose process ends with 0 has the exit status 1; also by an experiment
    reverses_post_hooks   post-checkout, post-command and pre-exit: plugins from last to first, repository, agent
    checks_out_as_v4      verification is on, host keys are taken without a scan
    has_plugin_aliases    names of plugin variables that have `__` also exist with `_`
    refusal_is_77         `oidc request-token` ends with 77 where the control plane refuses
    has_root_hooks_everywhere
                          hooks of the repository's root count for a job in a subfolder that has none
    normalises_upload_paths
                          artifacts of Windows have "/" between folders; also by an experiment
    confines_downloads    the experiment allow-artifact-path-traversal has no effect
    has_docker            BUILDKITE_DOCKER and BUILDKITE_DOCKER_COMPOSE_CONTAINER run the command in a container
    signs_artifact_paths  signatures cover a step's artifact paths; from 4.12 on
    signs_pipeline_secrets
                          whatever signs a step signs the pipeline's own secrets with it; from 4.13 on
    names_service_keys    signatures by a key service name its key, so that a file of keys verifies; from 4.13 on
    """

    __slots__ = (
        "checks_out_as_v4", "confines_downloads", "has_docker", "has_plugin_aliases", "has_root_hooks_everywhere",
        "names_service_keys", "normalises_upload_paths", "overrides_zero_exit", "refusal_is_77", "reverses_post_hooks",
        "signs_artifact_paths", "signs_pipeline_secrets",
    )  # fmt: skip

    def __init__(self, version: str, experiments: "frozenset[str]" = frozenset()) -> None:
        is_v4 = version == "4"
        self.reverses_post_hooks = is_v4 and LEGACY_ORDER not in experiments
        self.overrides_zero_exit = is_v4 or OVERRIDE_ZERO_EXIT in experiments
        self.normalises_upload_paths = is_v4 or NORMALISED_PATHS in experiments
        self.checks_out_as_v4 = is_v4
        self.confines_downloads = is_v4
        self.has_plugin_aliases = not is_v4
        self.refusal_is_77 = is_v4
        self.has_root_hooks_everywhere = not is_v4
        self.has_docker = not is_v4
        self.signs_artifact_paths = is_v4
        self.signs_pipeline_secrets = is_v4
        self.names_service_keys = is_v4
