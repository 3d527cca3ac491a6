"""`bkagent server --data DIR`: serve the embedded control plane until a signal ends it."""

from bkagent.cli.command import Call, Command
from bkagent.config.kinds import duration_text
from bkagent.config.options import logging, server
from bkagent.errors import ConfigError, UsageError
from bkagent.wire.digits import is_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Tuple

    from bkagent.config.settings import Settings
    from bkagent.controlplane.web.server import Server


def run(call: Call) -> int:
    """Serve; return 0 once a signal has ended it."""
    from bkagent.cli import defects
    from bkagent.cli.wait_for_signal import EndSignals
    from bkagent.config import paths
    from bkagent.config.launching import in_use_locks, self_command
    from bkagent.controlplane import server_url
    from bkagent.controlplane.plane.plane import Plane
    from bkagent.controlplane.plane.timing import timing_of
    from bkagent.controlplane.web.server import Server, listens_on_loopback
    from bkagent.system import descriptors

    defects.follow_call(call)
    settings = call.settings
    host, port = _address(settings)
    url = _public_url(settings)
    open_pages = settings[server.OPEN_PAGES]
    if open_pages and not listens_on_loopback(host):
        legal = "a loopback address such as 127.0.0.1:8642 with --open-pages"
        raise UsageError(settings.invalid_value(server.LISTEN, legal, settings[server.LISTEN]))
    folder = paths.expand(settings[server.SERVER_DATA], call.environ)
    ending = EndSignals()
    in_use_locks.hold((self_command.code_root(),))  # for as long as this process lives
    descriptors.raise_limit(MOST_DESCRIPTORS_COUNT)
    plane = Plane.open(folder, timing=timing_of(_lost_after_s(call)))
    try:
        served = Server(plane, host, port, call.report, url=url, hold_ping_s=HOLD_PING_S, open_pages=open_pages)
        served.start()
        try:
            server_url.note(folder, served.local_url, server_url.Login(served.url, served.login_key))
            call.out.write(f"{served.url}\n{plane.agent_token_path}\n{plane.api_token_path}\n")
            call.out.write("" if open_pages else f"{served.login_url()}\n")
            call.out.flush()
            for warning in _warnings(served, open_pages):
                call.report("warn", warning)
            name = ending.wait()
            call.report("info", f"Received {name}: stopping. Running jobs continue, and report when the server is back")
        finally:
            server_url.forget(folder)
            served.stop()
    finally:
        plane.close()
    return 0


# A ping is held a little less than the time to the next one, so that work does not wait for it.
HOLD_PING_S = 0.9


# Each agent has a connection or two. Where the system lets this process have fewer, that is the limit.
MOST_DESCRIPTORS_COUNT = 1 << 17


# Shorter than this, an agent on a busy machine is lost for no reason.
_SHORTEST_S = 10.0


def _lost_after_s(call: Call) -> float:
    seconds: float = call.settings[server.LOST_AFTER]
    if seconds < _SHORTEST_S:
        legal = f"at least {duration_text(_SHORTEST_S)}"
        raise UsageError(call.settings.invalid_value(server.LOST_AFTER, legal, duration_text(seconds)))
    return seconds


def _warnings(served: "Server", open_pages: bool) -> "Iterator[str]":
    if open_pages:
        yield "Every user of this machine can read the pages, logs and artifacts of this server (--open-pages)"
    if not served.is_loopback:
        yield "Other machines can reach this server: put a TLS proxy in front of it, named by --url"


def _public_url(settings: "Settings") -> str:
    """Return the URL of others, checked. Raises UsageError."""
    url = str(settings[server.PUBLIC_URL])
    if not url:
        return ""
    from bkagent.transport.client import address

    try:
        parts = address.parse(url, "url")
    except ConfigError as problem:
        raise UsageError(f"{problem} ({settings.origin(server.PUBLIC_URL)})") from None
    if parts.userinfo or "?" in url or "#" in url or not (url.isascii() and url.isprintable()):
        legal = "an http:// or https:// URL without user, query and fragment"
        raise UsageError(settings.invalid_value(server.PUBLIC_URL, legal, None))  # not shown: it may have a password
    return url.strip()


def _address(settings: "Settings") -> "Tuple[str, int]":
    """Return host and port of the address to listen on, a host of IPv6 without brackets. Raises UsageError."""
    text = settings[server.LISTEN]
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or not is_whole(port) or int(port) > 65535:
        raise UsageError(settings.invalid_value(server.LISTEN, "HOST:PORT", text))
    if ":" in host and not bracketed:
        legal = "HOST:PORT with an IPv6 address in brackets, as in [::1]:8642"
        raise UsageError(settings.invalid_value(server.LISTEN, legal, text))
    return (host[1:-1] if bracketed else host), int(port)


COMMAND = Command(
    name="server",
    description=(
        "Prints its URL, the files with the registration token of agents and the token of the REST API, and a link "
        "that logs a browser in to its pages. The link works once, for ten minutes; `bkagent server login-url` prints "
        "another. Everything is stored in the data folder. SIGTERM or SIGINT stops the server; running jobs are not "
        "lost."
    ),
    options=(*logging.SHARED, *server.SERVER),
    example="bkagent server --data /var/lib/bkagent",
    run=run,
)
