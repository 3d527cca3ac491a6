"""The connections that a server holds, and which of them is closed to make room for another.

A connection whose last request had a token belongs to that token's owner; any other is a stranger's. A
network (an address, or 64 bits of one of IPv6) has few strangers that keep the server waiting. A fleet behind one
address is not limited by that: its agents show their tokens with the first request.
"""

from __future__ import annotations

import functools
import threading
import time
from itertools import islice
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from bkagent.system.descriptors import descriptors_count, selectable_count
from bkagent.transport.server.server_connection import ServerConnection

CONNECTIONS_COUNT = 65536  # above this one makes room; a client that finds its own gone connects anew
THREADS_COUNT = 512  # the same where each costs a thread
FILES_COUNT = 600  # of what a process may have open, for the store, and for a file of each long body that comes or goes
STRANGERS_COUNT = 16  # of one network; browsers open 6 to a server
STRANGER_GRACE_S = 2.0  # in which a client's first request arrives, a burst of them included
OWNER_COUNT = 64  # of one token's owner; beyond it they make room before others do
ACCEPT_WAIT_S = 1.0
_LIMIT_KEPT_S = 0.1  # in which a burst of connections comes
_NETWORKS_COUNT = 1024  # that are known by heart

Group = Tuple[bool, str]  # whether a token was shown, and the token's owner or the network


_Groups = Dict[str, Dict[ServerConnection, None]]


class ConnectionTable:
    """Every open connection, in the group of its owner or network, the oldest first. `changed` guards it.

    strangers_count   how many of one network may keep the server waiting
    most_count        how many there may be, if the system lets this process have so many
    """

    def __init__(self, strangers_count: Optional[int] = None, most_count: Optional[int] = None) -> None:
        self._strangers_count = STRANGERS_COUNT if strangers_count is None else strangers_count
        self._most_count = most_count
        self._lock = threading.RLock()  # of the condition, which takes longer by itself
        self.changed = threading.Condition(self._lock)
        self._limit, self._limit_until = 0, 0.0
        self._group_of: Dict[ServerConnection, Group] = {}
        self._strangers: _Groups = {}
        self._owners: _Groups = {}
        self._large: Dict[str, None] = {}  # owners of more than they may have when there is no room
        self._silent: Dict[ServerConnection, None] = {}

    @property
    def room_count(self) -> int:
        """Return for how many further connections there is room."""
        now = time.monotonic()
        if now > self._limit_until:
            self._limit, self._limit_until = self._new_limit(), now + _LIMIT_KEPT_S
        return max(0, self._limit - len(self._group_of))

    def add(self, connection: ServerConnection) -> None:
        """Hold a new connection, a stranger's, and end those that its network has beyond its few."""
        connection.on_owner = lambda owner: self.set_owner(connection, owner)
        with self._lock:
            self._put(connection, (False, network_of(connection.peer)))
            self._silent[connection] = None
            self._limit_network(self._group_of[connection][1])

    def remove(self, connection: ServerConnection) -> None:
        """Close a connection and hold it no longer."""
        with self._lock:
            if connection in self._group_of:
                self._take(connection)
            self._silent.pop(connection, None)
            connection.close()
            self.changed.notify_all()

    def set_owner(self, connection: ServerConnection, owner: str) -> None:
        """Note whose token the connection has shown, "" for none."""
        group = (True, owner) if owner else (False, network_of(connection.peer))
        with self._lock:
            if self._group_of.get(connection, group) != group:
                self._take(connection)
                self._put(connection, group)

    def set_silent(self, connection: ServerConnection, silent: bool) -> None:
        """Note whether a connection is between two requests."""
        with self._lock:
            if silent:
                self._silent[connection] = None
            else:
                self._silent.pop(connection, None)

    def wait_for_room(self, stopping: Callable[[], bool]) -> None:
        """Return when there is room for another connection; close others to make room."""
        with self.changed:
            while not self.room_count and not stopping():
                self.displace()
                self.changed.wait(ACCEPT_WAIT_S)

    def displace(self, among: Sequence[ServerConnection] = ()) -> None:
        """Close the connection that is least needed, of some or of all, if there is one."""
        with self._lock:
            if among:
                strangers, owners = self._groups_of(among)
                large = [owner for owner in owners if len(owners[owner]) > OWNER_COUNT]
                victims = self._displaceable(strangers, owners, large, ())
            else:
                victims = self._displaceable(self._strangers, self._owners, list(self._large), self._silent)
            victim = next(victims, None)
            if victim is not None:
                victim.abort()

    def all(self) -> List[ServerConnection]:
        """Return every open connection."""
        with self._lock:
            return list(self._group_of)

    def abort_silent(self) -> None:
        """End the connections that are between two requests."""
        with self._lock:
            for connection in self._silent:
                connection.abort()

    def abort_stalled(self, since: float, limit_s: float) -> None:
        """End the connections whose clients have kept the server waiting for `limit_s` after the moment `since`."""
        moment = time.monotonic() - limit_s
        if moment >= since:
            with self._lock:
                for connection in self._group_of:
                    if _waits_since(connection, moment):
                        connection.abort()

    def drain(self, since: float, limit_s: float, stall_limit_s: float) -> None:
        """Wait for the end of all connections, for so long after the moment `since`; then cut what is left."""
        deadline = since + limit_s
        with self.changed:
            while self._group_of and time.monotonic() < deadline:
                self.abort_stalled(since, stall_limit_s)
                self.changed.wait(min(stall_limit_s, max(0.0, deadline - time.monotonic())))
            for connection in self._group_of:
                connection.abort()

    def _displaceable(
        self, strangers: _Groups, owners: _Groups, large: List[str], silent: Iterable[ServerConnection]
    ) -> Iterator[ServerConnection]:
        networks = sorted(strangers, key=lambda network: -len(strangers[network]))
        for network in networks:
            yield from _waiting(strangers[network])
        for network in networks:  # it is the server's turn with these
            if len(strangers[network]) > self._strangers_count:
                yield from (connection for connection in strangers[network] if not connection.aborted)
        for owner in sorted(large, key=lambda owner: -len(owners[owner])):
            yield from _waiting(owners[owner])
        yield from _waiting(silent)

    def _groups_of(self, connections: Sequence[ServerConnection]) -> Tuple[_Groups, _Groups]:
        """Return these connections by networks of strangers, and by owners."""
        groups: Tuple[_Groups, _Groups] = ({}, {})
        for connection in connections:
            if connection in self._group_of:
                is_known, name = self._group_of[connection]
                groups[is_known].setdefault(name, {})[connection] = None
        return groups

    def _limit_network(self, network: str) -> None:
        group = self._strangers[network]
        surplus = len(group) - self._strangers_count
        if surplus <= 0:
            return
        before = time.monotonic() - STRANGER_GRACE_S
        for connection in list(islice(group, surplus)):
            if connection.began > before:
                return  # nor have those after it been there for longer
            if _waits_since(connection, before):
                connection.abort()

    def _put(self, connection: ServerConnection, group: Group) -> None:
        self._group_of[connection] = group
        is_known, name = group
        members = (self._owners if is_known else self._strangers).setdefault(name, {})
        members[connection] = None
        if is_known and len(members) > OWNER_COUNT:
            self._large[name] = None

    def _take(self, connection: ServerConnection) -> None:
        is_known, name = self._group_of.pop(connection)
        groups = self._owners if is_known else self._strangers
        del groups[name][connection]
        if is_known and len(groups[name]) <= OWNER_COUNT:
            self._large.pop(name, None)
        if not groups[name]:
            del groups[name]

    def _new_limit(self) -> int:
        """Return how many leave enough of the system's limit for files, half of a limit that is very low."""
        limit = descriptors_count()
        most = CONNECTIONS_COUNT if self._most_count is None else self._most_count
        return max(1, min(most, selectable_count(), max(limit - FILES_COUNT, limit // 2)))


@functools.lru_cache(maxsize=_NETWORKS_COUNT)
def network_of(address: str) -> str:
    """Return the network that one client can easily own: an IPv4 address, or 64 bits of an IPv6 address."""
    if ":" not in address:
        return address  # of IPv4, or of a local socket
    from ipaddress import AddressValueError, IPv6Address

    try:
        parsed = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    return str(parsed.ipv4_mapped or int(parsed) >> 64)


def _waiting(connections: Iterable[ServerConnection]) -> Iterator[ServerConnection]:
    return (connection for connection in connections if _waits_since(connection, time.monotonic()))


def _waits_since(connection: ServerConnection, moment: float) -> bool:
    since: Optional[float] = connection.waiting_since
    return since is not None and since <= moment and not connection.aborted
