"""Take the registration token out of the environment that /proc shows of this process and that its children get.

Flags have gone before, see `secret_flags`; what is here needs the settings.
"""

from __future__ import annotations

from bkagent.cli import secret_flags
from bkagent.config.options import api
from bkagent.config.secret import Secret
from bkagent.config.sources import environment, token_source
from bkagent.system import own_memory
from bkagent.system.system_kind import ON_WINDOWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from bkagent.cli.command import Call


def hide(call: Call, words: List[str]) -> None:
    """Hide every token that a variable gave; `words` are the command line behind the program's name.

    Where the process cannot change what it shows, it replaces itself by one that reads the token from a pipe,
    and this does not return.
    """
    names = api.TOKEN.env
    texts = {call.environ.get(name, "") for name in names}
    environment.forget(list(names))
    hidden = [own_memory.forget(text) for text in sorted(texts) if _is_secret(text)]
    if all(hidden) or ON_WINDOWS:
        return
    kept, _ = secret_flags.split_off(words)
    environ = {name: text for name, text in call.environ.items() if name not in names}
    secret_flags.start_anew(call.settings[api.TOKEN].reveal(), kept, environ)


def _is_secret(text: str) -> bool:
    return bool(text) and token_source.is_plain(Secret(text))
