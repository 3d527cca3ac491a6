"""The words of the two protocols that agents of one machine speak about locks. On the short path.

The reference's, which any leader answers: `GET PING` gives `{"now"}`, `GET LOCK?key=K` gives `{"value"}`, and
`PATCH LOCK?key=K` with `{"old", "new"}` sets a value where it is the old one: `{"value", "swapped"}`. Source: package
internal/agentapi of the reference.

Ours, below LOCKS, which only a leader of ours answers; others say 404:

    GET LOCKS     -> {"locks": [{"key", "value", "slots", "waiting", "holders": [{"token", "pid", "job", "agent",
                     "since", "expires_in_ms" (absent without --ttl), "keep"}]}]}
    POST ACQUIRE  {"key", "token", "slots", "ttl_ms", "keep", "holder", "since_ns", "wait_ms"}
                  -> {"acquired", "value"}, which is held back until it is true or `wait_ms` is over
    POST RELEASE  {"key", "token"} -> {"released", "value"}
    POST BEGIN    {"key", "token", "keep", "holder", "since_ns", "wait_ms"}
                  -> {"state": STATE_DO, STATE_DONE or STATE_WAITING (`wait_ms` is over)}

    token     what the client frees the key by. A request that comes again with the token that has the key is granted
    slots     whole, 1 without --slots; a mutex of more than one has so many holders at most
    ttl_ms    whole milliseconds until it is freed by itself, 0 for never
    keep      whether it outlives the job that holds it
    holder    {"pid": whole, "job": id or "", "agent": name or "", "alive": path of the kernel lock that the job's
              process holds, "" outside jobs}
    since_ns  `time.monotonic_ns()` of the client's first try: the first to come is served first, by any leader
    wait_ms   whole milliseconds, WAIT_FOR_EVER, or 0 to try once

Each may answer 409 `{"error", "value"}` where the key's state is of another kind, and 507 `{"error"}` where there is no
room. Each, and LOCK too, may answer 503 `{"error", "moved": true}` where this server leads no longer: the client asks
the new leader, with the same `since_ns`.
"""

PING = "/api/leader/v0/ping"
LOCK = "/api/leader/v0/lock/"

LOCKS = "/api/bkagent/v0/locks"
ACQUIRE = LOCKS + "/acquire"
RELEASE = LOCKS + "/release"
BEGIN = LOCKS + "/begin"
WAIT_FOR_EVER = -1

# What a key's value says. Any other text is one that a plain PATCH has set.
FREE = ""
DOING = "doing"
DONE = "done"

# The answers to BEGIN.
STATE_DO = "do"
STATE_DONE = "done"
STATE_WAITING = "waiting"

# Names in the folder of the sockets. A leader's own socket is SOCKET_PREFIX and the process id.
LEADER_LINK = "agent-leader"
LEADER_LOCK = "agent-leader.lock"
JOURNAL = "agent-locks.journal"
SOCKET_PREFIX = "agent-"

# How a process for the Agent API tells its agent that it has the kernel lock; the address of its socket follows.
SERVING = "Agent API: serving at "

# What a leader of ours takes; the reference has no limits.
KEY_LIMIT_BYTES = 4096
VALUE_LIMIT_BYTES = 4096
KEYS_COUNT = 100_000
SLOTS_COUNT = 1000  # most holders of one key: each change writes all of them down
BODY_LIMIT_BYTES = 1024 * 1024


def process_at(address: str) -> str:
    """Return the words for the process that serves at a leader's address, with its number where that has it."""
    pid = address.rpartition(SOCKET_PREFIX)[2].partition("-")[0]
    return f"process {pid}" if pid.isdigit() else f"the process at {address}"


def token(pid: int, secret: bytes) -> str:
    """Return the value of a mutex that process `pid` holds; 16 random bytes, `secret`, tell its locks apart."""
    return f"acquired(pid={pid},otp={secret.hex()})"


def counted_value(holders_count: int, slots: int) -> str:
    """Return the value of a key that has several slots and so many holders, at least one."""
    return f"slots({holders_count}/{slots})"
