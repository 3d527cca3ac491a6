"""A real Chromium that parses HTML and says what it has: nodes, attributes, where addresses lead, and what ran.

    readings = browser.read(["<p>text", ...], folder)     skips the test, by name, where Chromium is missing

One run reads any number of texts. A node is a text or [name, {attribute: value}, children]; next to a tree parsed as
a part of a page stand the addresses as Chromium resolved them. What a text runs calls `alert`, and is counted.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

import pytest

ORIGIN = "https://pages.test"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LIMIT_S = 120
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
_PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><base href="%s/local/demo/builds/1"></head><body>
<script type="application/json" id="texts">%s</script>
<script>
const ran = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
  globalThis[name] = (what) => { ran.push(String(what)); };
}
function nodes(parent) {
  const shown = [];
  for (const node of parent.childNodes) {
    if (node.nodeType === 3) {
      if (typeof shown[shown.length - 1] === "string") shown[shown.length - 1] += node.data;
      else shown.push(node.data);
    } else if (node.nodeType === 1) {
      const names = {}, prefix = node.namespaceURI === "http://www.w3.org/1999/xhtml" ? "" : node.namespaceURI + " ";
      for (const attribute of node.attributes) names[attribute.name] = attribute.value;
      const within = node.content instanceof DocumentFragment ? node.content : node;
      shown.push([prefix + node.localName, names, nodes(within)]);
    } else shown.push(["#" + node.nodeType, {}, []]);
  }
  return shown;
}
const texts = JSON.parse(document.getElementById("texts").textContent), readings = [];
const all = document.createElement("div");
all.hidden = true;  // no layout: it would take most of the time
document.body.append(all);
const hosts = texts.map((text) => {
  const host = document.createElement("div");
  all.append(host);
  host.innerHTML = text;
  return host;
});
window.onload = () => setTimeout(() => {
  hosts.forEach((host, at) => {
    const links = [], again = document.createElement("div");
    for (const node of host.querySelectorAll("[href], [src]")) {
      const address = node.getAttribute("href") || node.getAttribute("src") || "";
      let origin = "";
      try { origin = new URL(address, document.baseURI).origin; } catch {}
      links.push([address, node.protocol || "", origin]);
    }
    again.innerHTML = host.innerHTML;
    const page = /^<!DOCTYPE/.test(texts[at]), around = ["<!DOCTYPE html><body><div>", "</div><p>end"];
    const whole = new DOMParser().parseFromString(page ? texts[at] : around.join(texts[at]), "text/html");
    const alone = page ? [...nodes(whole.head), ...nodes(whole.body)] : nodes(whole.body.firstChild);
    const after = whole.body.lastChild.textContent;
    if (!page && (whole.body.childNodes.length !== 2 || after !== "end")) alone.push("SWALLOWED");
    readings.push({nodes: nodes(host), links, stable: again.innerHTML === host.innerHTML, whole: alone});
  });
  const out = document.createElement("pre");
  out.id = "out";
  out.textContent = JSON.stringify({ran, readings}).replace(/[^ -~]/g, (letter) =>
    "\\\\u" + letter.charCodeAt(0).toString(16).padStart(4, "0"));
  document.body.replaceChildren(out);
}, 0);
</script></body></html>
"""


@dataclass(frozen=True)
class Reading:
    """What one text became. `links` are (address, protocol, origin); `whole` are its nodes in a page without scripts.

    stable  what Chromium makes of the nodes as HTML becomes the same nodes again
    """

    nodes: List[Any]
    whole: List[Any]
    links: List[List[str]]
    stable: bool


@dataclass(frozen=True)
class Readings:
    """What all texts of a run became, and the arguments of each `alert` that they called."""

    texts: List[Reading]
    ran: List[str]


def read(texts: Sequence[str], folder: Any) -> Readings:
    """Have Chromium parse `texts`; its files go to `folder`."""
    program = next((path for path in map(shutil.which, NAMES) if path), None)
    if program is None:
        pytest.skip("Chromium is not installed, so no real browser reads what the pages show")
    page = os.path.join(str(folder), "page.html")
    data = json.dumps(list(texts)).replace("<", "\\u003c")
    with open(page, "w", encoding="ascii") as file:
        file.write(_PAGE % (ORIGIN, data))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    command = [program, *FLAGS, f"--user-data-dir={folder}/profile", "--dump-dom", f"file://{page}"]
    run = subprocess.run(command, env=environment, capture_output=True, timeout=_LIMIT_S, check=False)
    document = re.search(r'<pre id="out">(.*?)</pre>', run.stdout.decode("utf-8"), re.DOTALL)
    assert document, (run.returncode, run.stdout[-2000:], run.stderr[-2000:])
    answer: Dict[str, Any] = json.loads(html.unescape(document[1]))
    assert len(answer["readings"]) == len(texts)
    return Readings([Reading(**reading) for reading in answer["readings"]], answer["ran"])
