"""A value that cannot be read keeps `start` from starting, whatever its kind and wherever it comes from."""

from pathlib import Path
from typing import Dict, List

import pytest

from tests.cli.conftest import Run

# Option -> its variable, a text that is no such value, what would be legal.
BAD = {
    "spawn": ("BUILDKITE_AGENT_SPAWN", "many", "a whole number"),
    "no-pty": ("BUILDKITE_NO_PTY", "perhaps", "true or false"),
    "kubernetes-container-start-timeout": ("BUILDKITE_KUBERNETES_CONTAINER_START_TIMEOUT", "5", "a duration such as"),
    "wait-for-ec2-tags-timeout": ("BUILDKITE_AGENT_WAIT_FOR_EC2_TAGS_TIMEOUT", "soon", "a duration such as 90s"),
    "checkout-override-mode": ("BUILDKITE_CHECKOUT_OVERRIDE_MODE", "odd", "strict, from-job, none"),
    "log-format": ("BUILDKITE_LOG_FORMAT", "xml", "text, json"),
    "protected-environment-variables": (
        "BUILDKITE_PROTECTED_ENVIRONMENT_VARIABLES",
        "^GIT_.*$",
        "names of variables such as GIT_SSH_COMMAND",
    ),
    "protect-dangerous-git-environment-variables": (
        "BUILDKITE_PROTECT_DANGEROUS_GIT_ENVIRONMENT_VARIABLES",
        "perhaps",
        "true or false",
    ),
    "cancel-signal": ("BUILDKITE_CANCEL_SIGNAL", "SIGODD", "SIGHUP, SIGINT, SIGQUIT"),
}
# Where the reference goes on with a value of its own: the file of these says what counts instead.
GOES_ON = {"no-pty": False, "kubernetes-container-start-timeout": 0}
NEEDED = ("--token", "t", "--build-path", "b", "--endpoint", "http://127.0.0.1:9/v3")


def _refused(run: Run, words: "List[str]", env: "Dict[str, str]", said: "List[str]") -> None:
    done = run("start", *NEEDED, *words, env=env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "Registering" not in done.stderr
    assert all(part in done.stderr for part in said), done.stderr


@pytest.mark.parametrize("name", BAD)
def test_from_a_flag(name: str, run: Run) -> None:
    _, text, legal = BAD[name]
    _refused(run, [f"--{name}={text}"], {}, [f"{name} must be ", legal, f'not "{text}" (flag --{name})'])


@pytest.mark.parametrize("name", BAD)
def test_from_a_variable(name: str, run: Run) -> None:
    variable, text, legal = BAD[name]
    said = [f"{name} must be ", legal, f'not "{text}" (environment variable {variable})']
    _refused(run, [], {variable: text}, said)


@pytest.mark.parametrize("name", BAD)
def test_from_the_file(name: str, run: Run, tmp_path: Path) -> None:
    _, text, legal = BAD[name]
    (tmp_path / "a.cfg").write_text(f"# mine\n{name}={text}\n")
    said = [f"{name} must be ", legal, f'not "{text}" (configuration file {tmp_path / "a.cfg"}, line 2)']
    if name not in GOES_ON:
        _refused(run, ["--config", "a.cfg"], {}, said)
        return
    done = run("config", "show", "--config", "a.cfg")
    assert done.returncode == 0
    assert all(part in done.stderr for part in [*said, f"using {str(GOES_ON[name]).lower()}"]), done.stderr
