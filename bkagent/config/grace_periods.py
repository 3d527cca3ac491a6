"""The rule that binds the two grace periods of a cancelled job, for agents and for the processes of jobs."""

from bkagent.errors import ConfigError


def signal_grace_s(cancel_s: int, signal_s: int) -> int:
    """Return the time that a cancelled command has, in seconds: a part of the cancel grace.

    A negative signal grace is subtracted from the cancel grace. Raises ConfigError for two that do not go together.
    Source: buildkite/agent `clicommand/cancel_signal.go`.
    """
    effective_s = int(cancel_s + signal_s if signal_s < 0 else signal_s)
    if effective_s < 0:
        raise ConfigError(
            f"cancel-grace-period is {cancel_s}, but signal-grace-period-seconds ({signal_s}) is subtracted from it; "
            f"make it at least {-signal_s}"
        )
    if effective_s >= cancel_s:
        raise ConfigError(
            f"signal-grace-period-seconds ({effective_s}) must be less than cancel-grace-period ({cancel_s}); "
            "a command gets a part of that time"
        )
    return effective_s
