"""One job run by hand: the archive's `bootstrap` with a job's variables, and what its log and folders show."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

from tests.whole.running import Done, bkagent

MAIN = "main"


class HandRun:
    """Jobs of one repository on one machine, whose home, mirrors, plugins and checkouts are below `folder`."""

    def __init__(self, archive: str, folder: Path) -> None:
        self.archive, self.folder = archive, folder
        self.home = folder / "home"
        self.home.mkdir()
        self.mirrors, self.plugins = folder / "mirrors", folder / "plugins"
        self.checkout = folder / "builds" / "agent" / "org" / "widgets"
        self.set_git(**{"protocol.file.allow": "always", "uploadpack.allowAnySHA1InWant": "true"})

    def set_git(self, **settings: str) -> None:
        """Add to the git configuration of the agent's user."""
        with (self.home / ".gitconfig").open("a") as file:
            for name, value in settings.items():
                section, _, key = name.rpartition(".")
                first, dot, rest = section.partition(".")
                file.write(f'[{first} "{rest}"]\n' if dot else f"[{first}]\n")
                file.write(f'\t{key} = "{value}"\n')

    def run(self, *flags: str, repository: object, command: str = "true", **variables: str) -> Done:
        """Run one job; `variables` are named without BUILDKITE_."""
        job: Dict[str, str] = {
            "REPO": str(repository), "COMMIT": "HEAD", "BRANCH": MAIN, "COMMAND": command, "PULL_REQUEST": "false",
            "PIPELINE_PROVIDER": "git", "BUILD_PATH": str(self.folder / "builds"), "AGENT_NAME": "agent",
            "ORGANIZATION_SLUG": "org", "PIPELINE_SLUG": "widgets", "JOB_ID": "job", "PLUGINS_PATH": str(self.plugins),
            "CHECKOUT_ATTEMPTS": "1", "NO_PTY": "true", **variables,
        }  # fmt: skip
        env = {f"BUILDKITE_{name}": value for name, value in job.items()}
        return bkagent(self.archive, "bootstrap", *flags, cwd=self.folder, env={"HOME": str(self.home), **env})
