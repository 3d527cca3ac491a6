"""Names of variables where case makes no difference, and where it does."""

from bkagent.system import variable_names

_ENV = {"Path": "a", "HOME": "b", "PATH": "c", "home": "d", "one": "e"}


def test_on_windows_names_are_upper_case_and_the_last_of_several_counts():
    assert variable_names.kept_names(_ENV, True) == {"PATH": "c", "HOME": "d", "ONE": "e"}
    assert variable_names.clashing(_ENV, True) == ["PATH", "home"]


def test_elsewhere_they_stay_as_they_are():
    assert variable_names.kept_names(_ENV, False) == _ENV
    assert variable_names.clashing(_ENV, False) == []
