"""Links and sessions over time: what ends when, on a clock of the test's own."""

import os
from typing import Any

import pytest

from bkagent.controlplane.login import sessions
from bkagent.controlplane.login.links import VALID_S, LoginLinks
from bkagent.controlplane.login.sessions import SILENCE_LIMIT_S, LoginSessions
from bkagent.controlplane.tokens import Tokens


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tokens(tmp_path: Any) -> Tokens:
    return Tokens(str(tmp_path / "tokens"))


def cookie(opened: Any) -> str:
    return str(opened[0][1].partition(";")[0])


def test_a_link_counts_for_ten_minutes_and_once(tokens: Tokens) -> None:
    clock = Clock()
    links = LoginLinks(tokens, clock)
    early, late, last = links.new_secret(), links.new_secret(), links.lasting_secret()
    assert links.redeem(early) and not links.redeem(early)
    clock.now += VALID_S - 1
    assert not links.redeem(early)
    clock.now += 1
    assert not links.redeem(late) and not links.redeem(early)
    assert links.redeem(last) and links.redeem(last)
    clock.now -= VALID_S  # as a clock that is corrected
    assert not links.redeem(early)
    assert links.redeem(late) and not links.redeem(late)
    other = LoginLinks(tokens, clock)
    assert not other.redeem(links.new_secret()) and not other.redeem(last)


def test_a_session_ends_after_a_week_of_silence(tokens: Tokens) -> None:
    clock = Clock()
    logins = LoginSessions(tokens, secure=False, clock=clock)
    used, silent = cookie(logins.begin()), cookie(logins.begin())
    for _ in range(3):
        clock.now += SILENCE_LIMIT_S - 1
        assert logins.of(used) is not None
    assert logins.of(silent) is None
    clock.now += SILENCE_LIMIT_S + 1
    assert logins.of(used) is None


def test_the_session_that_was_silent_for_longest_makes_room(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_COUNT", 3)
    logins = LoginSessions(tokens, secure=False)
    first, second, third = (cookie(logins.begin()) for _ in range(3))
    assert logins.of(first) is not None
    logins.begin()
    assert logins.of(second) is None and logins.of(first) is not None and logins.of(third) is not None


def test_a_cookie_counts_among_others(tokens: Tokens) -> None:
    logins = LoginSessions(tokens, secure=False)
    own = cookie(logins.begin())
    false = logins.cookie_name + "=" + "0" * 64
    for header in (f"a=b; {own}", f"{own};c=d", f"{false}; {own}", f"a=b, {own}", f'x="1"; {own} ; y'):
        assert logins.of(header) is not None, header
    for header in ("", own[:-1], own + "0", "x" + own, own.upper(), own.replace("=", " =")):
        assert logins.of(header) is None, header
    logins.end(f"{false}; {own}")
    assert logins.of(own) is None


def test_a_token_file_that_cannot_be_read_refuses_every_login(tokens: Tokens) -> None:
    old = tokens.api
    with open(tokens.path("api"), "w"):
        pass
    assert not tokens.is_api("") and not tokens.is_api(old)
    os.unlink(tokens.path("api"))
    new = tokens.api
    assert new.startswith("bkua_") and new != old and tokens.is_api(new)
    assert Tokens(tokens.folder).api == new
