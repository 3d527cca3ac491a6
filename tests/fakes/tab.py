"""One tab of a real Chromium, driven over the pipe of its debugging protocol.

with Tab(folder) as tab:          skips the test, by name, where Chromium is missing
    tab.go(url)
    tab.run("document.title")     the value of a script, or of the promise that it returns
    tab.wait("condition")         waits until a script's value is true
    tab.show_as(390, "dark")      the width of the window, and the theme that the reader prefers
    tab.press("Tab")              a key
    with tab.loading(): ...       waits for the page that something in the block leads to
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from tests.fakes import browser

WAIT_S = 30
# Chromium takes commands from descriptor 3 and answers on 4, whatever the pipes are called here.
_START = """import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(text), fcntl.F_DUPFD, 20) for text in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Tab:
    """Chromium with one tab; its files are in a folder. End it with `with`."""

    def __init__(self, folder: Path) -> None:
        program = next((path for path in map(shutil.which, browser.NAMES) if path), None)
        if program is None:
            pytest.skip("Chromium is not installed, so no real browser logs in")
        below_in, self._commands = os.pipe()
        self._answers, below_out = os.pipe()
        argv = [sys.executable, "-c", _START, str(below_in), str(below_out), program, *browser.FLAGS]
        argv += ["--remote-debugging-pipe", f"--user-data-dir={folder}/profile", "about:blank"]
        self._process = subprocess.Popen(
            argv, pass_fds=(below_in, below_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"},
        )  # fmt: skip
        os.close(below_in)
        os.close(below_out)
        self._number, self._received = 0, b""
        self._events: List[Dict[str, Any]] = []
        self._session: Tuple[Tuple[str, str], ...] = ()
        (target,) = [each for each in self._call("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        attached = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = (("sessionId", attached["sessionId"]),)
        self._call("Page.enable")

    def __enter__(self) -> "Tab":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def go(self, url: str) -> None:
        """Open a URL and wait until its page is there."""
        with self.loading():
            self._call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Return the value of a script on the page."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until the value of a script is true. It is asked for again after each frame, for 30 s at most."""
        script = (
            f"new Promise((end) => {{ const limit = Date.now() + {WAIT_S * 1000}; (function look() {{"
            f" if ({condition}) end(true); else if (Date.now() > limit) end(false);"
            " else setTimeout(look, 20); })(); })"
        )
        assert self.run(script), (condition, self.run("document.body.innerText"))

    def show_as(self, width: int, theme: str, height: int = 900) -> None:
        """Set the size of the window and the theme, "light" or "dark"."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def press(self, key: str) -> None:
        """Press and release a key: "Tab" or "Enter"."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r")}[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self._call("Input.dispatchKeyEvent", type="keyUp", **event)

    def save_picture(self, path: Path, most_pixels: int = 3000) -> None:
        """Write a picture of the page, of its first `most_pixels` lines, as PNG."""
        width, height = self.run("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, most_pixels), "scale": 1}
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Wait, at the end of the block, until a page has been loaded since its beginning."""
        self._events.clear()
        yield
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **dict(self._session)}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._events.append(answer)

    def _next(self) -> Dict[str, Any]:
        while b"\0" not in self._received:
            data = os.read(self._answers, 65536)
            assert data, "Chromium has ended"
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        document: Dict[str, Any] = json.loads(message)
        return document
