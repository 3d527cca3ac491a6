"""From the options of `service install` to a service: what it runs, what it may see, and its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Dict, List

from bkagent.cli import config_file
from bkagent.cli.command import Call
from bkagent.cli.service import visibility
from bkagent.cli.service.accounts import RunAs
from bkagent.cli.service.requests import PROCESS_COMMAND
from bkagent.cli.service.service_folder import ServiceFolder
from bkagent.config import paths
from bkagent.config.kinds import FILE_PATH, duration_text
from bkagent.config.launching import carried_code, self_command
from bkagent.config.options import agent, api, services, session
from bkagent.config.secret import Secret
from bkagent.config.settings import Settings, Source, resolve
from bkagent.config.sources import command_line, file, token_source
from bkagent.errors import ConfigError, UsageError
from bkagent.system.service import service_account
from bkagent.system.service.service_types import ServiceDefinition

# Graces of jobs and the last seconds after them fit in; a service that has ended is not waited for.
_PRESHUTDOWN_S = 180.0
_RESTART_DELAYS_S = (10.0, 30.0, 60.0)
_DESCRIPTION = "Runs jobs of Buildkite pipelines (bkagent)."


class Installation:
    """What a service will run, checked. Raises AgentError for what cannot work."""

    def __init__(self, call: Call, folder: ServiceFolder, account: RunAs) -> None:
        self._call, self._folder, self.account = call, folder, account
        self.sid = account.sid or service_account.account_sid(account.account)
        self._config_path = self._find_config()
        self._line = command_line.split(call.arguments, agent.START)
        if self._line.arguments:
            raise UsageError(f'behind "--" stand options of start, not "{self._line.arguments[0]}"')
        for option in (api.TOKEN, session.CONFIG):
            if option.name in self._line.flags:
                raise UsageError(f'--{option.name} belongs before the "--"')
        settings = self._resolve()
        self.stores_token = settings[api.TOKEN].reveal() == self._token_place()
        self.start_words = self._start_words(settings)
        self.program = _program()
        self._require_visible_parts()

    def definition(self, password: str) -> ServiceDefinition:
        """Return the service. No token is in it."""
        settings = self._call.settings
        words = [
            *self.program, PROCESS_COMMAND, "--name", settings[services.NAME],
            "--drain-timeout", duration_text(settings[services.DRAIN_TIMEOUT]), "--", *self.start_words,
        ]  # fmt: skip
        return ServiceDefinition(
            settings[services.NAME], _DESCRIPTION, subprocess.list2cmdline(words), self.account.account, password,
            preshutdown_s=_PRESHUTDOWN_S, restart_delays_s=_RESTART_DELAYS_S,
        )  # fmt: skip

    def make_folders(self) -> None:
        """Make the folders of the service, where the account may do what it has to. Raises AgentError."""
        self._require_same_account()
        service_account.make_folder(self._folder.shared, "", False)
        service_account.make_folder(self._folder.root, self.sid, False)
        for path in self._folder.writable():
            service_account.make_folder(path, self.sid, True)
        _write(self._folder.account, self.sid)

    def write_token(self, token: Secret) -> None:
        """Write the token. Raises ConfigError."""
        _write(self._folder.token, token.reveal())

    def _require_same_account(self) -> None:
        """Raise ConfigError where an earlier service of this name left files that its account alone may change."""
        try:
            with open(self._folder.account, encoding="utf-8") as account_file:
                earlier_sid = account_file.read().strip()
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigError(f"cannot read {self._folder.account}: {error.strerror}") from None
        if earlier_sid != self.sid:
            raise ConfigError(
                f"{self._folder.root} is of a service that ran as another account ({earlier_sid}), and "
                f"{self.account.account} cannot change its files; move the folder away, or choose another --name"
            )

    def _find_config(self) -> str:
        given = self._call.settings[services.CONFIG]
        environ = {name: text for name, text in self._call.environ.items() if name != config_file.VARIABLE}
        path = config_file.find({config_file.OPTION: [given]} if given else {}, environ)
        return os.path.abspath(paths.expand(path, environ)) if path else ""

    def _token_place(self) -> str:
        return f"file://{self._folder.token}"

    def _resolve(self) -> Settings:
        """Return the settings that the agent will have, which does not see the environment of this command."""
        in_file = file.read(self._config_path) if self._config_path else {}
        flags: Dict[str, List[str]] = dict(self._line.flags)
        has_own_token = bool(self._call.settings[services.TOKEN]) or not in_file.get(api.TOKEN.name, ("", ""))[0]
        if has_own_token:
            flags[api.TOKEN.name] = [self._token_place()]
        if agent.BUILD_PATH.name not in in_file:
            flags.setdefault(agent.BUILD_PATH.name, [self._folder.builds])
        settings = resolve(agent.START, Source(flags, {}, in_file), lambda sentence: None)
        _require_absolute_paths(settings)
        return settings

    def _start_words(self, settings: Settings) -> List[str]:
        words = ["--config", self._config_path] if self._config_path else []
        if self.stores_token:
            words += ["--token", self._token_place()]
        for option, path in ((agent.BUILD_PATH, self._folder.builds), (session.STATE_PATH, self._folder.state)):
            if not settings.is_set(option) or settings[option] == path:
                words += [f"--{option.name}", path]
        return [*words, *self._call.arguments]

    def _require_visible_parts(self) -> None:
        view = visibility.AccountView(
            self.account.account, service_account.profiles_folder(), service_account.profile_folder(self.sid),
            service_account.is_mapped_drive,
        )  # fmt: skip
        visibility.require_visible(self.program[0], "Python", visibility.PYTHON_HINT, view)
        visibility.require_visible(self.program[-1], "program", visibility.FILE_HINT, view)
        if self._config_path:
            visibility.require_visible(self._config_path, "configuration file", visibility.FILE_HINT, view)


def _write(path: str, text: str) -> None:
    """Write a new file, which inherits the access of its folder. Raises ConfigError."""
    try:
        if os.path.exists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as new_file:
            new_file.write(text + "\n")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None


def read_token(text: Secret) -> Secret:
    """Return the token itself, of one line. Raises ConfigError."""
    token = token_source.resolve(text)
    if not token.reveal() or "\n" in token.reveal():
        raise ConfigError("the token must be a single line that is not empty")
    return token


def _program() -> List[str]:
    """Return the beginning of the command line, whose last word is the archive, or the folder of a checkout."""
    # A virtual environment's own python.exe only starts that of the base, and Windows would wait for the wrong one.
    python = getattr(sys, "_base_executable", "") or sys.executable
    if carried_code.packed(self_command.code_root()):
        return [python, "-I", "-S", os.path.abspath(sys.argv[0])]
    return [python, *self_command.command([])[1:]]


def _require_absolute_paths(settings: Settings) -> None:
    for option in agent.START:
        path = settings[option]
        if option.kind is FILE_PATH and path and settings.is_set(option) and not _is_absolute(path):
            legal = "an absolute path, since a service starts in a folder of Windows"
            raise ConfigError(settings.invalid_value(option, legal, path))


def _is_absolute(path: str) -> bool:
    return os.path.isabs(path) or path[:1] in "~$"  # a home folder or a variable, of which the account has its own
