"""The routes of a job's local socket: the job API, and requests passed on to the control plane."""

from __future__ import annotations

import os
from typing import Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

from bkagent.config.variables.protected_variables import CHECKOUT, CHECKOUT_OVERRIDE_MODE
from bkagent.localapi.answers import error_answer, json_answer
from bkagent.localapi.json_body import read_object, text, text_list, text_map
from bkagent.localapi.promises import Promises
from bkagent.localapi.upstream import Upstream
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request_head import BadRequest, RequestHead
from bkagent.wire import go_quoted
from bkagent.wire.upstream_protocol import ENDPOINT_HEADER, JOB_API, PREFIX, REDACTED, STORAGE, TOKEN_HEADER

_NOT_FOUND = Answer(404, b"404 page not found\n", (("Content-Type", "text/plain; charset=utf-8"),))


# Those that the reference knows; any other is answered with 405 whatever the path is.
_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))


class JobState(Protocol):
    """The live job, as its own process knows it. All methods are called on many threads."""

    def env(self) -> Mapping[str, str]:
        """Return the job's environment as it is now."""
        ...

    def set_env(self, changes: Mapping[str, str]) -> "Tuple[Sequence[str], Sequence[str]]":
        """Set variables; return the names that are new and those that existed."""
        ...

    def unset_env(self, names: Sequence[str]) -> Sequence[str]:
        """Remove variables; return the names that existed."""
        ...

    def set_workdir(self, path: str) -> None:
        """Remember where the job goes on after the hook that is running now."""
        ...

    def redact(self, secret: str) -> None:
        """Keep a text out of everything the job prints from now on."""
        ...

    def redacted(self, text: str) -> str:
        """Return a text without what the job must not show."""
        ...

    def protected(self, name: str, value: Optional[str]) -> bool:
        """Return whether the job may not set this variable to `value`; None stands for unsetting it."""
        ...


class JobRoutes:
    """Answers requests that have already been authorised."""

    def __init__(self, state: JobState, upstream: Optional[Upstream], promises: Optional[Promises]) -> None:
        self._state, self._upstream, self._promises = state, upstream, promises
        self._routes: Dict[str, Dict[str, Callable[[bytes], Answer]]] = {
            "/env": {"GET": self._get_env, "PATCH": self._patch_env, "DELETE": self._delete_env},
            "/workdir": {"PUT": self._put_workdir},
            "/redactions": {"POST": self._post_redactions},
        }
        self._own_routes: Dict[str, Dict[str, Callable[[bytes], Answer]]] = {REDACTED: {"POST": self._post_redacted}}
        if promises is not None:
            self._routes["/promise-failure"] = {"POST": promises.answer}

    def answer(self, head: RequestHead, body: bytes) -> Answer:
        """Return the answer to one request."""
        path = head.target.partition("?")[0]
        if path.startswith(PREFIX) or path == STORAGE:
            return self._pass_on(head, body)
        is_job_api = path.startswith(JOB_API + "/")
        if head.method not in _METHODS:
            return _method_not_allowed(())
        methods = self._routes.get(path[len(JOB_API) :]) if is_job_api else self._own_routes.get(path)
        if methods is None:
            return _NOT_FOUND
        handle = methods.get(head.method)
        if handle is None:
            return _method_not_allowed(sorted(methods))
        try:
            return handle(body)
        except BadRequest as problem:
            return error_answer(problem.status, str(problem))

    def _pass_on(self, head: RequestHead, body: bytes) -> Answer:
        if self._upstream is None:
            return _NOT_FOUND
        if not self._upstream.is_for(head.headers.get(ENDPOINT_HEADER, ""), head.headers.get(TOKEN_HEADER, "")):
            return error_answer(421, "this job speaks to another endpoint or with another token")
        return self._upstream.store(head, body) if head.target == STORAGE else self._upstream.pass_on(head, body)

    def _get_env(self, _body: bytes) -> Answer:
        return json_answer(200, {"env": dict(sorted(self._state.env().items()))})

    def _patch_env(self, body: bytes) -> Answer:
        changes, nulls = text_map(read_object(body), "env")
        self._refuse_protected({**changes, **dict.fromkeys(nulls)})
        if nulls:
            return error_answer(
                422,
                "removing environment variables (ie setting them to null) is not permitted on this endpoint. "
                f"The following keys were set to null: [{' '.join(nulls)}]",
            )
        for name, value in changes.items():
            if not name or "=" in name or "\0" in name + value:
                raise BadRequest(422, f"{name!r} cannot be set: names and values go into a process environment")
        added, updated = self._state.set_env(changes)
        return json_answer(200, {"added": sorted(added), "updated": sorted(updated)})

    def _delete_env(self, body: bytes) -> Answer:
        names = text_list(read_object(body), "keys")
        self._refuse_protected(dict.fromkeys(names))
        return json_answer(200, {"deleted": sorted(self._state.unset_env(names))})

    def _refuse_protected(self, changes: Mapping[str, Optional[str]]) -> None:
        protected: List[str] = sorted(name for name, value in changes.items() if self._state.protected(name, value))
        if not protected:
            return
        message = f"the following environment variables are protected, and cannot be modified: [{' '.join(protected)}]"
        if any(name.upper() in CHECKOUT for name in protected):
            mode = self._state.env().get(CHECKOUT_OVERRIDE_MODE) or "strict"
            message += f". Checkout-related variables are locked because {CHECKOUT_OVERRIDE_MODE}={mode}"
        raise BadRequest(422, message)

    def _put_workdir(self, body: bytes) -> Answer:
        path = text(read_object(body), "workdir")
        if not path:
            return error_answer(422, "workdir must not be empty")
        if not os.path.isabs(path):
            return error_answer(422, f"workdir must be an absolute path, got {go_quoted.go_quote(path)}")
        self._state.set_workdir(path)
        return json_answer(200, {"workdir": path})

    def _post_redactions(self, body: bytes) -> Answer:
        secret = text(read_object(body), "redact")
        self._state.redact(secret)
        return json_answer(201, {"redacted": secret})

    def _post_redacted(self, body: bytes) -> Answer:
        texts = text_list(read_object(body), "texts")
        return json_answer(200, {"texts": [self._state.redacted(redactable) for redactable in texts]})


def _method_not_allowed(methods: Sequence[str]) -> Answer:
    allow = (("Allow", ", ".join(methods)),) if methods else ()
    return Answer(405, b"", (("Content-Type", "application/json"), *allow))
