"""The rule of what jobs may not set, and the table of what is dangerous."""

import pytest

from bkagent.config import kinds
from bkagent.config.variables import dangerous_variables
from bkagent.config.variables.dangerous_variables import fits
from bkagent.config.variables.protected_variables import Protection


@pytest.mark.parametrize(
    ("pattern", "name", "does_fit"),
    [
        ("A", "A", True), ("A", "AB", False), ("A*", "A", True), ("A*", "ABC", True), ("A*", "BA", False),
        ("*_KEY", "A_KEY", True), ("*_KEY", "A_KEYS", False), ("A*B*C", "AxBxC", True), ("A*B*C", "AxC", False),
        ("A*A", "A", False), ("A*BB*B", "ABB", False), ("A**B", "AB", True), ("a", "A", False),
    ],
)  # fmt: skip
def test_patterns(pattern: str, name: str, does_fit: bool) -> None:
    assert fits(pattern, name) is does_fit


def test_the_table_names_each_variable_once_and_in_the_form_of_patterns() -> None:
    names = [name for group in dangerous_variables.GROUPS for name in group.names]
    assert sorted(set(names)) == sorted(names)
    assert kinds.NAME_PATTERNS.finish(kinds.NAME_PATTERNS.from_flag(",".join(names))) == names
    assert all(group.source and group.kind for group in dangerous_variables.GROUPS)


@pytest.mark.parametrize("text", ["GIT_.*", "^A", "A$", "A|B", "[A]", "A B", "A=B", "*", "A,**", "A?", "\\A"])
def test_what_is_no_name_is_refused_wherever_it_stands(text: str) -> None:
    for read in (kinds.NAME_PATTERNS.from_flag, kinds.NAME_PATTERNS.from_environment, kinds.NAME_PATTERNS.from_file):
        with pytest.raises(ValueError, match="names of variables such as"):
            read(text)


def test_names_are_compared_as_the_system_compares_them() -> None:
    on_windows = Protection(["One"], True, False, ignores_case=True)
    assert all(on_windows.shields(name) for name in ("ONE", "one", "git_ssh", "Bash_Env", "PSModulePath"))
    assert on_windows.drops("Path") and on_windows.closes("buildkite_shell", "x", "agent")
    elsewhere = Protection(["One"], True, False, ignores_case=False)
    assert elsewhere.shields("One") and not any(map(elsewhere.shields, ("ONE", "one", "git_ssh", "Path")))


@pytest.mark.parametrize(
    ("name", "value", "agent", "plugin", "job", "secret"),
    [
        ("BUILDKITE_SHELL", "x", True, True, False, True), ("GIT_SSH", "x", False, True, True, True),
        ("GIT_PAGER", "x", False, True, True, True), ("GIT_PAGER", "cat", False, False, False, True),
        ("GIT_PAGER", None, False, True, True, True), ("BASH_ENV", "x", False, False, False, False),
        ("NAMED", "cat", False, True, True, True), ("BUILDKITE_OVERRIDE_SELF", "x", False, False, True, True),
        ("PATH", "x", False, False, False, False), ("__PYVENV_LAUNCHER__", "x", False, False, True, True),
        ("BUILDKITE_PROTECT_DANGEROUS_GIT_ENVIRONMENT_VARIABLES", "false", True, True, True, True),
    ],
)  # fmt: skip
def test_who_may_set_what(name: str, value: str, agent: bool, plugin: bool, job: bool, secret: bool) -> None:
    rule = Protection(["NAMED"], True)
    assert rule.closes(name, value, "agent") is agent
    assert rule.closes(name, value, "plugin") is rule.closes(name, value, "repository") is plugin
    assert rule.closes(name, value, "job API") is plugin
    assert rule.drops(name, value) is job
    assert rule.is_closed_to_secrets(name) is secret
