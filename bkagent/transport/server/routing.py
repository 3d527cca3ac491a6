"""Which handler answers a request: patterns such as `/jobs/{id}/log` against the segments of a path."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Tuple, Union

from bkagent.transport.server.answer import Answer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

Handler = Callable[[Request], Union[Answer, Later]]


class _Node:
    """One node of the tree: the possible next segments, and the handlers of a path that ends here."""

    __slots__ = ("named", "parameter", "handlers")

    def __init__(self) -> None:
        self.named: Dict[str, _Node] = {}
        self.parameter: Optional[_Node] = None
        self.handlers: Dict[str, Tuple[Handler, Tuple[str, ...]]] = {}


class Router:
    """A table of routes. A literal segment wins over `{name}`; a trailing slash makes no difference."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Let `handler` answer `method` on `pattern`. GET answers HEAD too."""
        node, names = self._root, []
        for segment in pattern.strip("/").split("/") if pattern.strip("/") else ():
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.named.setdefault(segment, _Node())
        if method in node.handlers:
            raise ValueError(f"{method} {pattern} is already routed")
        node.handlers[method] = (handler, tuple(names))

    def answer(self, request: Request) -> Union[Answer, Later]:
        """Return what the route's handler answers. Raises HttpError 404 or 405."""
        match = _find(self._root, request.path, 0, ())
        if match is None:
            raise HttpError(404, "not found: no resource has this path")
        node, values = match
        method = "GET" if request.method == "HEAD" and "HEAD" not in node.handlers else request.method
        if method not in node.handlers:
            allowed = ", ".join(sorted(node.handlers))
            raise HttpError(405, f"{request.method} is not allowed here, only {allowed}", (("Allow", allowed),))
        handler, names = node.handlers[method]
        request.parameters = dict(zip(names, values))
        return handler(request)


def _find(
    node: _Node, path: Tuple[str, ...], at: int, values: Tuple[str, ...]
) -> Optional[Tuple[_Node, Tuple[str, ...]]]:
    if at == len(path):
        return (node, values) if node.handlers else None
    named = node.named.get(path[at])
    if named is not None:
        match = _find(named, path, at + 1, values)
        if match is not None:
            return match
    if node.parameter is not None and path[at]:
        return _find(node.parameter, path, at + 1, values + (path[at],))
    return None
