"""The settings that are read again after hooks, each by itself: set, changed, unset, and set to nonsense."""

from typing import Dict, List

import pytest

from bkagent.checkout.checkout_settings import REFRESHED
from bkagent.job.hook_settings import HookSettings

# Other than what a setting is without its variable.
VALUES: Dict[str, str] = {
    **dict.fromkeys(REFRESHED, "other"),
    "BUILDKITE_GIT_SUBMODULES": "false",
    **dict.fromkeys(
        (
            "BUILDKITE_GIT_LFS_ENABLED", "BUILDKITE_CLEAN_CHECKOUT", "BUILDKITE_SKIP_CHECKOUT",
            "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS", "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE",
            "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH",
        ),
        "true",
    ),
    "BUILDKITE_GIT_CHECKOUT_TIMEOUT": "7",
    "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE": "no-cone",
    "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE": "dissociate",
}  # fmt: skip


def _state(refreshed: HookSettings) -> object:
    return (
        refreshed.checkout, refreshed.artifact_paths, refreshed.artifact_destination, refreshed.always_fresh_plugins
    )  # fmt: skip


def _ignore(sentence: str) -> None:
    """Hear no complaint."""


@pytest.mark.parametrize("name", sorted(REFRESHED))
def test_a_setting_follows_its_variable(name: str) -> None:
    usual = _state(HookSettings({}, _ignore))
    given = _state(HookSettings({name: VALUES[name], "BUILDKITE_REPO": "other"}, _ignore))
    refreshed = HookSettings({"BUILDKITE_REPO": "other"}, _ignore)
    assert refreshed.refresh({name: VALUES[name], "BUILDKITE_REPO": "other"}, _ignore) in ({name: VALUES[name]}, {})
    assert _state(refreshed) == given
    assert refreshed.refresh({}, _ignore) == {}
    checkout = refreshed.checkout
    assert [getattr(checkout, field) for field in REFRESHED.values()] == [
        getattr(usual[0], field)
        for field in REFRESHED.values()  # type: ignore[index]
    ]
    assert _state(refreshed)[1:] == usual[1:]  # type: ignore[index]


def test_nonsense_is_told_and_changes_nothing() -> None:
    told: List[str] = []
    refreshed = HookSettings({"BUILDKITE_SKIP_CHECKOUT": "true", "BUILDKITE_GIT_CHECKOUT_TIMEOUT": "5"}, told.append)
    refreshed.refresh({"BUILDKITE_SKIP_CHECKOUT": "perhaps", "BUILDKITE_GIT_CHECKOUT_TIMEOUT": "soon"}, told.append)
    assert (refreshed.checkout.skip, refreshed.checkout.timeout_s) == (True, 5)
    assert len(told) == 2 and "perhaps" in told[0] and "soon" in told[1]
