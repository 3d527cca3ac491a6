"""Every page in a real Chromium: what axe finds, whether anything overflows, what stays while a page updates.

Pictures of all pages at three widths in both themes are written to `build/screenshots`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator

import pytest

from tests.controlplane_http.conftest import Desk
from tests.controlplane_http.full_site import FullSite
from tests.fakes import axe
from tests.fakes.tab import Tab

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Chromium is driven over descriptors of POSIX")
PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
WIDTHS, THEMES = (390, 820, 1440), ("light", "dark")
# Each theme has the same colours at every width, and each width the same elements in every theme.
LOOKED_AT_BY_AXE = ((390, "light"), (1440, "dark"))
# Without the elements that are hidden on purpose.
WIDER = """[...document.querySelectorAll("body *")].filter((element) => !element.closest(".hidden, thead")
  && element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((element) => element.outerHTML)"""
FOCUSED = "document.activeElement.outerHTML"


class Sight:
    """A browser that has logged in to a filled control plane."""

    def __init__(self, desk: Desk, tab: Tab) -> None:
        self.site, self.desk, self.tab = FullSite(desk), desk, tab
        tab.go(desk.server.login_url())

    def open(self, name: str) -> Tab:
        self.tab.go(self.desk.server.url + self.site.paths[name])
        return self.tab


@pytest.fixture(scope="module")
def sight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sight]:
    folder = tmp_path_factory.mktemp("sight")
    with Tab(folder) as tab:
        desk = Desk(str(folder))
        yield Sight(desk, tab)
        desk.server.stop()
        desk.plane.close()


PAGES = (
    "builds", "pipeline", "failed build", "running build", "blocked build", "large build", "ended job", "running job",
    "agents", "agent", "queues", "missing",
)  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows_and_axe_finds_nothing(sight: Sight, name: str) -> None:
    look_at(sight.open(name), name)


def test_the_login_form_is_as_good(sight: Sight, tmp_path: Path) -> None:
    with Tab(tmp_path) as tab:
        tab.go(sight.desk.server.url + "/")
        look_at(tab, "login")
        tab.run("document.querySelector('#token').value = 'wrong'")
        with tab.loading():
            tab.run("document.querySelector('button').click()")
        look_at(tab, "refused login")


def look_at(tab: Tab, name: str) -> None:
    """Fail where a page is wider than its window, or axe finds something."""
    script = axe.script()
    PICTURES.mkdir(parents=True, exist_ok=True)
    tab.run("for (const each of document.querySelectorAll('details')) each.open = true")
    for theme in THEMES:
        for width in WIDTHS:
            tab.show_as(width, theme)
            assert tab.run("document.scrollingElement.scrollWidth") <= width, (width, tab.run(WIDER)[:3])
            assert tab.run(WIDER) == [], width
            tab.save_picture(PICTURES / f"{name.replace(' ', '-')}-{width}-{theme}.png")
            if (width, theme) in LOOKED_AT_BY_AXE and name != "large build":  # which is as others, only longer
                assert axe.findings(tab, script) == [], (name, width, theme)


def test_what_is_open_stays_open_while_a_page_updates(sight: Sight) -> None:
    tab, (job_id, job) = sight.open("running build"), sight.site.running
    tab.run("document.querySelector('.note summary').focus()")
    tab.press("Enter")
    tab.run("""globalThis.note = document.querySelector('.note');
      getSelection().selectAllChildren(document.querySelector('h1')); globalThis.text = getSelection().toString(); 0""")
    assert tab.run("document.querySelector('.note details').open") and "<summary" in tab.run(FOCUSED)
    job.call(
        "POST",
        f"/jobs/{job_id}/annotations",
        {"body": "First of all", "style": "success", "context": "0", "priority": 9},
    )
    tab.wait("document.querySelector('main').innerText.includes('First of all')")
    assert tab.run("document.querySelectorAll('.note').length") == 3
    assert tab.run("note.isConnected && note.querySelector('details').open") and "<summary" in tab.run(FOCUSED)
    assert tab.run("getSelection().toString() === text && text.length > 5")


def test_focus_and_what_was_typed_stay_while_a_page_updates(sight: Sight) -> None:
    tab = sight.open("agent")
    tab.show_as(390, "light", 400)
    tab.run(
        "document.querySelector('#note').focus(); document.querySelector('#note').value = 'typed'; scrollTo(0, 200)"
    )
    top = tab.run("scrollY")
    sight.desk.registered(name="another")
    sight.desk.plane.annotations.annotate(sight.desk.plane.builds.by_number("demo", 4).id, body="x", context="y")
    tab.run("globalThis.before = document.querySelector('main').dataset.live; 0")
    tab.wait("document.querySelector('main').dataset.live !== before")
    assert 'id="note"' in tab.run(FOCUSED) and tab.run("document.querySelector('#note').value") == "typed"
    assert tab.run("scrollY") == top > 0


def test_focus_goes_to_what_is_near_when_its_element_has_gone(sight: Sight) -> None:
    sight.desk.registered(name="leaving")
    (agent_id,) = [agent.id for agent in sight.desk.plane.sessions.find() if agent.name == "leaving"]
    tab = sight.open("agents")
    tab.run(f"document.getElementById('{agent_id}').querySelector('form[action$=stop] button').focus()")
    assert "<button>Stop" in tab.run(FOCUSED)
    sight.desk.plane.sessions.stop(agent_id)
    tab.wait(f"document.getElementById('{agent_id}').innerText.includes('stopping')")
    assert tab.run(f"document.getElementById('{agent_id}').contains(document.activeElement)")


def test_a_log_that_ends_keeps_what_is_open(sight: Sight) -> None:
    desk = sight.desk
    desk.build({"command": "x", "agents": {"queue": "short"}})
    job_id, job = desk.running_job(desk.registered(meta_data=["queue=short"]))
    begun, more = b"--- One\r\nline one\r\n--- Two\r\nline two\r\n", b"--- Three\r\nline three\r\n"
    desk.log(job, job_id, 1, 0, begun)
    build = desk.plane.builds.get(desk.plane.jobs.get(job_id).build_id)
    tab = sight.tab
    tab.go(f"{desk.server.url}/local/demo/builds/{build.number}/jobs/{job_id}")
    tab.run("document.querySelector('#L1').focus()")
    tab.press("Enter")
    desk.log(job, job_id, 2, len(begun), more)
    tab.wait("document.querySelectorAll('#log details').length === 3")
    job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "0"})
    tab.wait("document.querySelector('.facts').innerText.includes('passed')")
    assert tab.run("document.querySelector('#L1').parentNode.open") and 'id="L1"' in tab.run(FOCUSED)
    assert tab.run("document.querySelector('main').dataset.live === undefined")


def test_the_first_key_leads_to_the_content(sight: Sight) -> None:
    tab = sight.open("builds")
    tab.press("Tab")
    assert 'class="skip"' in tab.run(FOCUSED) and tab.run("document.activeElement.getBoundingClientRect().top >= 0")
    tab.press("Enter")
    tab.press("Tab")
    assert tab.run("document.querySelector('main').contains(document.activeElement)")
    assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_an_agent_is_paused_and_resumed_by_its_form(sight: Sight) -> None:
    tab = sight.open("agents")
    for action, state in (("pause", "paused"), ("resume", "connected")):
        with tab.loading():
            tab.run(
                f"document.getElementById('{sight.site.idle_id}').querySelector('[action$={action}] button').click()"
            )
        assert state in tab.run(f"document.getElementById('{sight.site.idle_id}').innerText")
        assert tab.run("location.pathname + location.hash") == f"/-/agents#{sight.site.idle_id}"


def test_answers_unblock_a_build(sight: Sight) -> None:
    build = sight.desk.build(
        {"block": "Go?", "fields": [{"text": "Version", "key": "version", "format": "[0-9.]+"}]}, {"command": "x"}
    )
    tab = sight.tab
    tab.go(f"{sight.desk.server.url}/local/demo/builds/{build.number}")
    for answer, shown in (("<b>x</b>", "does not have the format"), ("1.2", "unblocked")):
        tab.run(f"document.querySelector('.block textarea').value = '{answer}'")
        with tab.loading():
            tab.run("document.querySelector('.block button').click()")
        assert shown in tab.run("document.querySelector('main').innerText")
    assert sight.desk.plane.builds.get(build.id).meta_data == {"version": "1.2"}
