"""Paths of Windows in the form that has no limit of 260 characters."""

import pytest

from bkagent.system.windows_names import of_any_length


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("C:\\a b", "\\\\?\\C:\\a b"), ("\\\\server\\share\\a", "\\\\?\\UNC\\server\\share\\a"),
        ("\\\\?\\C:\\a", "\\\\?\\C:\\a"),
    ],
)  # fmt: skip
def test_drives_and_servers_have_a_form_without_a_limit(path: str, form: str) -> None:
    assert of_any_length(path) == form
