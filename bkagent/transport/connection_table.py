"""The connections that a server holds, and which of them is closed to make room for another.

A connection whose last request had a token belongs to that token's owner; any other is a stranger's. A
network (an address, or 64 bits of one of IPv6) has few strangers that keep the server waiting. A fleet behind one
address is not limited by that: its agents show their tokens with the first request.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from bkagent.system.descriptors import descriptors_count
from bkagent.transport.server_connection import ServerConnection

CONNECTIONS_COUNT = 512  # above this one makes room; a client that finds its own gone connects anew
FILES_COUNT = 100  # of what a process may have open, for the store, logs and artifacts
STRANGERS_COUNT = 16  # of one network; browsers open 6 to a server
STRANGER_GRACE_S = 2.0  # in which a client's first request arrives, a burst of them included
OWNER_COUNT = 64  # of one token's owner; beyond it they make room before others do
ACCEPT_WAIT_S = 1.0

Group = Tuple[bool, str]  # whether a token was shown, and the token's owner or the network


class ConnectionTable:
    """Every open connection, in the group of its owner or network, the oldest first. `changed` guards it.

    `strangers_count` is how many of one network may keep the server waiting.
    """

    def __init__(self, strangers_count: Optional[int] = None) -> None:
        self._strangers_count = STRANGERS_COUNT if strangers_count is None else strangers_count
        self.changed = threading.Condition()
        self._group_of: Dict[ServerConnection, Group] = {}
        self._groups: Dict[Group, Dict[ServerConnection, None]] = {}
        self._silent: Dict[ServerConnection, None] = {}

    def add(self, connection: ServerConnection) -> None:
        """Hold a new connection, a stranger's, and end those that its network has beyond its few."""
        with self.changed:
            self._put(connection, (False, network_of(connection.peer)))
            self._silent[connection] = None
            self._limit_network(self._group_of[connection])

    def remove(self, connection: ServerConnection) -> None:
        """Close a connection and hold it no longer."""
        with self.changed:
            if connection in self._group_of:
                self._take(connection)
            self._silent.pop(connection, None)
            connection.close()
            self.changed.notify_all()

    def set_owner(self, connection: ServerConnection, owner: str) -> None:
        """Note whose token the connection has shown, "" for none."""
        group = (True, owner) if owner else (False, network_of(connection.peer))
        with self.changed:
            if self._group_of.get(connection, group) != group:
                self._take(connection)
                self._put(connection, group)

    def set_silent(self, connection: ServerConnection, silent: bool) -> None:
        """Note whether a connection is between two requests."""
        with self.changed:
            if silent:
                self._silent[connection] = None
            else:
                self._silent.pop(connection, None)

    def wait_for_room(self, stopping: Callable[[], bool]) -> None:
        """Return when there is room for another connection; close others to make room."""
        with self.changed:
            while len(self._group_of) >= _most_connections() and not stopping():
                self.displace()
                self.changed.wait(ACCEPT_WAIT_S)

    def displace(self) -> None:
        """Close the connection that is least needed, if there is one."""
        with self.changed:
            victim = next(self._displaceable(), None)
            if victim is not None:
                victim.abort()

    def all(self) -> List[ServerConnection]:
        """Return every open connection."""
        with self.changed:
            return list(self._group_of)

    def abort_silent(self) -> None:
        """End the connections that are between two requests."""
        with self.changed:
            for connection in self._silent:
                connection.abort()

    def abort_stalled(self, since: float, limit_s: float) -> None:
        """End the connections whose clients have kept the server waiting for `limit_s` after the moment `since`."""
        moment = time.monotonic() - limit_s
        if moment >= since:
            with self.changed:
                for connection in self._group_of:
                    if _waits_since(connection, moment):
                        connection.abort()

    def _displaceable(self) -> Iterator[ServerConnection]:
        by_size = sorted(self._groups, key=lambda group: -len(self._groups[group]))
        strangers = [group for group in by_size if not group[0]]
        for group in strangers:
            yield from _waiting(self._groups[group])
        for group in strangers:  # it is the server's turn with these
            if len(self._groups[group]) > self._strangers_count:
                yield from (connection for connection in self._groups[group] if not connection.aborted)
        for group in [group for group in by_size if group[0] and len(self._groups[group]) > OWNER_COUNT]:
            yield from _waiting(self._groups[group])
        yield from _waiting(self._silent)

    def _limit_network(self, group: Group) -> None:
        surplus = len(self._groups[group]) - self._strangers_count
        before = time.monotonic() - STRANGER_GRACE_S
        for connection in list(self._groups[group])[: max(0, surplus)]:
            if _waits_since(connection, before):
                connection.abort()

    def _put(self, connection: ServerConnection, group: Group) -> None:
        self._group_of[connection] = group
        self._groups.setdefault(group, {})[connection] = None

    def _take(self, connection: ServerConnection) -> None:
        group = self._group_of.pop(connection)
        del self._groups[group][connection]
        if not self._groups[group]:
            del self._groups[group]


def network_of(address: str) -> str:
    """Return the network that one client can easily own: an IPv4 address, or 64 bits of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or int(parsed) >> 64)


def _most_connections() -> int:
    """Return how many connections leave enough of the system's limit for files, half of a limit that is very low."""
    limit = descriptors_count()
    return max(1, min(CONNECTIONS_COUNT, max(limit - FILES_COUNT, limit // 2)))


def _waiting(connections: Dict[ServerConnection, None]) -> Iterator[ServerConnection]:
    return (connection for connection in connections if _waits_since(connection, time.monotonic()))


def _waits_since(connection: ServerConnection, moment: float) -> bool:
    since: Optional[float] = connection.waiting_since
    return since is not None and since <= moment and not connection.aborted
