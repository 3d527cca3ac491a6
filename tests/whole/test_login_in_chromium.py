"""Logging in and out with a real Chromium: its cookies, its policy for forms, its event streams."""

import sys
from pathlib import Path

import pytest

from tests.fakes.tab import Tab
from tests.whole.site import Site

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Chromium is driven over descriptors of POSIX")
PIPELINE = "steps: [{command: 'true'}]"
WHERE = "document.title + ' ' + location.pathname + location.search"


def test_a_browser_logs_in_reads_and_logs_out(archive: str, tmp_path: Path) -> None:
    with Site(archive, tmp_path) as site, Tab(tmp_path) as tab:
        site.create(PIPELINE)
        token = Path(site.api_token).read_text().strip()
        tab.go(site.url + "/local/app/builds/1")
        assert tab.run(WHERE) == "Log in /local/app/builds/1"
        tab.run(f"document.querySelector('[name=token]').value = '{token}'")
        with tab.loading():
            tab.run("document.querySelector('button').click()")
        assert tab.run(WHERE) == "app #1 /local/app/builds/1" and tab.run("document.cookie") == ""
        with tab.loading():
            tab.run("document.querySelector('header button').click()")
        assert tab.run(WHERE) == "Log in /-/login"
        tab.go(site.login_url)
        assert tab.run(WHERE) == "Builds /" and tab.run("document.referrer") == ""
        with tab.loading():  # the page follows what happens, and sees that its session has ended
            Path(site.api_token).write_text("bkua_" + "2" * 64)
            site.create(PIPELINE)
        assert tab.run(WHERE) == "Log in /"
