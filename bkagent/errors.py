"""Every error raised on purpose, and the exit code each one ends the process with.

AgentError              1   anything below without a code that callers rely on
  UsageError            1   the command line is wrong
    MissingValue        1   it lacks something that must be there
    UnknownCommand      1   it names no command; the text is two lines
    UnknownArgument     1   it has a word that a command of ours has no use for
  ConfigError           1   a setting has no legal value; says which source set it
  WireError             1   a message does not have the agreed shape; for an answer, worth another try
  Unreachable           1   no answer from the control plane; worth another try
    Unavailable         1   it answered 429 or 5xx; worth another try
      NotYet            1   it answered that it is still at work; asked again as a matter of course
  Refused               1   the control plane said no; another try will not help
    TokenRefused       77   it refused an OIDC token, with --compat 4
  JobRejected          27   the job asked for by --acquire-job is not to be had
  JobLocked            28   that job still waits for others
  CheckoutLockExpired  94   another job held the repository for too long
  KeyAbsent           100   the meta-data key does not exist
  SetupFailed         125   the job ended before its command could start
  JobFailed             ?   a job or a part of it ended with the exit code it carries
  Cancelled             1   the work was stopped on request
"""


class AgentError(Exception):
    """An error whose text is a sentence for the user. `exit_code` ends the process."""

    exit_code = 1


class UsageError(AgentError):
    """The command line is wrong."""


class MissingValue(UsageError):
    """A command lacks a value that must be there. The text is only what that is called."""


class UnknownCommand(UsageError):
    """It names no command. The text is all that is printed: what is wrong, and a second line with where to look."""


class UnknownArgument(UsageError):
    """A command that is not the reference's has no use for a word. One line says so, without the command's page."""


class ConfigError(AgentError):
    """A setting has no legal value; the text says which source set it and what would be legal."""


class WireError(AgentError):
    """A message does not have the agreed shape; the text names the field."""


class Unreachable(AgentError):
    """No answer came. `may_retry` is false where another try cannot help (a certificate, say)."""

    def __init__(self, message: str, may_retry: bool = True) -> None:
        super().__init__(message)
        self.may_retry = may_retry


class Unavailable(Unreachable):
    """The server answered `status` 429 or 5xx. `retry_after_s` is what it asked for, or None."""

    def __init__(self, message: str, status: int, retry_after_s: "float | None" = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class NotYet(Unavailable):
    """The server is still at work on what it was given."""


class Refused(AgentError):
    """The server answered with a `status` that another try does not change."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TokenRefused(Refused):
    """The control plane refused an OIDC token; for callers that know version 4 of the reference."""

    exit_code = 77


class JobRejected(AgentError):
    """The job of --acquire-job is taken, finished or cancelled."""

    exit_code = 27


class JobLocked(AgentError):
    """The job of --acquire-job still waits for others."""

    exit_code = 28


class CheckoutLockExpired(AgentError):
    """Another job held a git mirror for too long."""

    exit_code = 94


class KeyAbsent(AgentError):
    """The meta-data key does not exist. Ends the process without a message."""

    exit_code = 100


class SetupFailed(AgentError):
    """The job ended before its command could start."""

    exit_code = 125


class JobFailed(AgentError):
    """A job or a part of it ended with `exit_code`; -1 means killed by a signal."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Cancelled(AgentError):
    """The work was stopped on request."""
