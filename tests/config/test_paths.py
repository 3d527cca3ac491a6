"""How paths in settings are expanded: variables, the home folder, relative ones."""

import os

import pytest

from bkagent.config import paths
from bkagent.errors import ConfigError
from bkagent.system import private_folder

ENVIRON = {"HOME": "/home/me", "NAME": "folder", "_x": "US"}


@pytest.mark.parametrize(
    "text, expanded",
    [
        ("/a/$NAME/b", "/a/folder/b"),
        ("/a/${NAME}b", "/a/folderb"),
        ("/a/$NOTHING/b", "/a/b"),
        ("/a/$_x", "/a/US"),
        ("/a/b$", "/a/b$"),
        ("/a/$%b", "/a/$%b"),
        ("/a/$\u00e9", "/a/$\u00e9"),
        ("/a/x$$x", "/a/xx"),
        ("/a/x$1x", "/a/xx"),
        ("/a/x${", "/a/x"),
        ("/a/x${}x", "/a/xx"),
        ("/a/${NAME", "/a/NAME"),
        ("/a/x${NAME-b}", "/a/x"),
        ("/a/b~c", "/a/b~c"),
        ("/a/../b", "/b"),
        ("", ""),
    ],
)
def test_paths_are_expanded(text: str, expanded: str) -> None:
    assert paths.expand(text, ENVIRON) == (os.path.abspath(expanded) if expanded else "")


def test_the_home_folder_is_that_of_the_account() -> None:
    account = private_folder.account_home() or "/home/me"
    assert paths.expand("~/x", ENVIRON) == os.path.join(account, "x")
    assert paths.expand("~", ENVIRON) == os.path.abspath(account)


def test_the_home_folder_of_another_user_is_refused() -> None:
    with pytest.raises(ConfigError, match='"~root/x".* write the full path'):
        paths.expand("~root/x", ENVIRON)


def test_a_relative_path_starts_here(tmp_path: "os.PathLike[str]", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.expand("a", ENVIRON) == os.path.join(os.getcwd(), "a")


def test_a_command_becomes_absolute_only_where_it_exists(
    tmp_path: "os.PathLike[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open("script", "w") as file:
        file.write("x")
    assert paths.expand_command("script", ENVIRON) == os.path.join(os.getcwd(), "script")
    assert paths.expand_command("script --flag $NAME", ENVIRON) == "script --flag folder"
