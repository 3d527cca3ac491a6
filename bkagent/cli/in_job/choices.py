"""Check options with a fixed set of choices. On the short path."""

from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.config.option import Option


def check(call: "Call", option: "Option") -> None:
    """Raise UsageError if the value of an option is not one of its allowed choices."""
    choice, words = call.settings[option], option.kind.words  # type: ignore[attr-defined]
    if choice not in words:
        legal = " or ".join([", ".join(words[:-1])] * (len(words) > 1) + [words[-1]])
        raise UsageError(call.settings.invalid_value(option, legal, choice))
