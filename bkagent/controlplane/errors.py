"""The refusals of the control plane, each with its HTTP status.

PlaneError             500   anything below
  InvalidRequest       400   the request cannot be understood
  Unauthorized         401   the token is unknown, or no longer valid
  Forbidden            403   the token is valid, but not for this
  NotFound             404   there is no such object
  Conflict             409   it contradicts what is already there
  Rejected             422   understood, and refused for good
  JobNotReady          423   not now; worth another try
  DiskFull             507   nothing was stored; worth another try once there is space
"""

from bkagent.errors import AgentError


class PlaneError(AgentError):
    """An error whose text is a sentence for the caller. `status` is its HTTP status."""

    status = 500


class InvalidRequest(PlaneError):
    """The request cannot be understood."""

    status = 400


class Unauthorized(PlaneError):
    """The token is unknown, or no longer valid."""

    status = 401


class Forbidden(PlaneError):
    """The token is valid, but not for this."""

    status = 403


class NotFound(PlaneError):
    """There is no such object."""

    status = 404


class Conflict(PlaneError):
    """The request contradicts what is already there."""

    status = 409


class Rejected(PlaneError):
    """The request was understood, and is refused for good."""

    status = 422


class JobNotReady(PlaneError):
    """The job is not ready; worth another try."""

    status = 423


class DiskFull(PlaneError):
    """There is no space for it: nothing was stored. Worth another try, as space may be made at any moment."""

    status = 507
