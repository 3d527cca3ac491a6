"""Tokens of a server as people and programs read them: never with a secret."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from bkagent.cli.pages import table_layout
from bkagent.config import paths
from bkagent.config.options import server
from bkagent.controlplane.api_tokens import SCOPES, ApiTokens
from bkagent.controlplane.tokens import Tokens
from bkagent.errors import ConfigError
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.controlplane.api_tokens import ApiToken

_HEADS = ("ID", "NAME", "OWNER", "GOOD FOR", "EXPIRES")


def open_tokens(call: Call) -> ApiTokens:
    """Return the tokens of the data folder that --data names. Raises ConfigError where there is none."""
    folder = paths.expand(call.settings[server.SERVER_DATA], call.environ)
    tokens_folder = os.path.join(folder, "tokens")
    if not os.path.isdir(tokens_folder):
        raise ConfigError(f"{folder} is not the data folder of a server: it has no folder tokens")
    return ApiTokens(Tokens(tokens_folder))


def document(token: ApiToken) -> Dict[str, Any]:
    """Return a token for programs."""
    return {
        "id": token.id, "kind": token.kind, "name": token.name, "owner": token.owner.to_wire(),
        "scopes": list(token.scopes), "created_at": _date(token.created_at), "expires_at": _date(token.expires_at),
    }  # fmt: skip


def table(tokens: Sequence[ApiToken], now: float) -> List[str]:
    """Return a line for each token, below the names of the columns."""
    rows = [_HEADS]
    for token in tokens:
        expiry = (_date(token.expires_at) or "never") + (" (expired)" if token.has_expired(now) else "")
        rows.append((token.id, one_line(token.name), one_line(str(token.owner)), _uses(token), expiry))
    return table_layout.lines(rows)


def _uses(token: ApiToken) -> str:
    """Return what a token is good for: of the scopes of a program that may do everything a word, as they fill lines."""
    return "everything" if token.scopes == SCOPES else ", ".join(token.scopes) or "registering agents"


def _date(moment: float) -> Optional[str]:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)) if moment else None
