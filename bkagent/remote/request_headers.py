"""The headers that a control plane wants on every request. On the short path.

It names them at registration and at pings; jobs get them as variables, for the commands that run there.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping

VARIABLE_START = "BUILDKITE_REQUEST_HEADER_"
NAME_START = "Buildkite-"


def acceptable(headers: "Mapping[str, str]") -> "Dict[str, str]":
    """Return those headers that a control plane may set: the ones that start with "Buildkite-", and fit on a line."""
    return {name: value for name, value in headers.items() if name.startswith(NAME_START) and _fits(name, value)}


def to_variables(headers: "Mapping[str, str]") -> "Dict[str, str]":
    """Return the variables that tell a job's commands about the headers."""
    return {VARIABLE_START + name.upper().replace("-", "_"): value for name, value in headers.items()}


def from_environ(environ: "Mapping[str, str]") -> "Dict[str, str]":
    """Return the headers that the variables of a job name."""
    headers = {}
    for variable, value in environ.items():
        if variable.startswith(VARIABLE_START):
            words = variable[len(VARIABLE_START) :].split("_")
            headers["-".join(word[:1].upper() + word[1:].lower() for word in words)] = value
    return acceptable(headers)


def _fits(name: str, value: str) -> bool:
    return not any(letter <= " " or letter == ":" or letter > "~" for letter in name) and not (
        "\r" in value or "\n" in value or "\0" in value
    )
