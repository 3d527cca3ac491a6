"""What calls the control plane's API, whichever way the requests go."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Optional, Protocol

    from bkagent.remote.client import Client
    from bkagent.remote.reply import Reply

    class ApiClient(Protocol):
        """A client of the control plane's API: `client.Client` or `in_job.InJobClient`."""

        endpoint: str

        def call(
            self,
            method: str,
            path: str,
            *,
            document: object = None,
            query: Optional[Mapping[str, str]] = None,
            headers: Optional[Mapping[str, str]] = None,
            timeout_s: float = 60.0,
            expects_json: bool = False,
        ) -> Reply:
            """Send one request, once; raises as `Client.call` does."""
            ...

        @property
        def that_connects(self) -> Optional[Client]:
            """The client that connects to the control plane; None where the job's process passes requests on."""
            ...
