"""Answers of the job's local socket, in the one shape that errors have there."""

from __future__ import annotations

from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request_head import HttpError
from bkagent.wire import json_text


def json_answer(status: int, document: object) -> Answer:
    """Return an answer that carries JSON."""
    return Answer(status, json_text.dumps(document).encode("ascii") + b"\n", (("Content-Type", "application/json"),))


def error_answer(status: int, message: str) -> Answer:
    """Return an answer that says what is wrong."""
    return json_answer(status, {"error": message})


def apology(problem: HttpError) -> Answer:
    """Return the answer to a request that cannot be served."""
    return error_answer(problem.status, str(problem))
