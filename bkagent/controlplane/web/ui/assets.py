"""The style sheet and the script of the pages. Both are ours and fixed: they may be kept by browsers for a while."""

from __future__ import annotations

import pkgutil
from typing import List

from bkagent.controlplane.web.context import Site
from bkagent.transport.answer import Answer
from bkagent.transport.request import Request

_COLOURS = ("#3b434b", "#ff6b63", "#57ab5a", "#d4a72c", "#6cb2ff", "#c297ff", "#4fc3c7", "#d0d7de")
_INTENSE = ("#6e7781", "#ff938a", "#7ee787", "#f2cc60", "#9ecbff", "#d8bdff", "#8be9ec", "#ffffff")
_HEADERS = (("Cache-Control", "max-age=300"), ("X-Content-Type-Options", "nosniff"))

# Updates a page while its job or build runs. Without scripts, the page is reloaded every 5 s instead.
SCRIPT = """"use strict";
// A log: take away the lines from `from` on and append what is there now. Other pages: show the page as it is now.
function line(part, text, number) {
  const element = document.createElement(part);
  element.className = "line";
  element.id = "L" + number;
  element.innerHTML = text;  // rendered and escaped by the server
  return element;
}
function change(log, from, lines) {
  const shown = log.getElementsByClassName("line");
  while (shown.length > from) {
    const last = shown[shown.length - 1];
    (last.tagName === "SUMMARY" ? last.parentNode : last).remove();
  }
  for (const [marker, text] of lines) {
    let group = log.lastElementChild;
    if (group && group.tagName !== "DETAILS") group = null;
    if (marker === "^") {
      const hidden = line("div", text, shown.length + 1);
      hidden.hidden = true;
      (group || log).append(hidden);
      if (group) {
        group.open = true;
        delete group.dataset.auto;
      }
    } else if (marker) {
      if (group && group.dataset.auto) group.open = false;
      const details = document.createElement("details");
      details.open = marker !== "~";
      if (marker === "-") details.dataset.auto = "1";
      if (marker === "~") details.className = "muted";
      details.append(line("summary", text, shown.length + 1));
      log.append(details);
    } else {
      (group || log).append(line("div", text, shown.length + 1));
    }
  }
}
let asked = 0, shown = 0;
async function again() {
  const turn = ++asked;
  const answer = await fetch(location.href);
  if (answer.status === 401) location.reload();  // the session has ended: there is a form to begin another
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (turn < shown) return;  // a later one was faster
  shown = turn;
  const now = page.querySelector("main"), here = document.querySelector("main");
  here.replaceWith(now);
  if (!now.dataset.live && source) { source.close(); source = null; }
}
let source = null;
const main = document.querySelector("main[data-live]");
if (main) {
  source = new EventSource(main.dataset.live);
  source.addEventListener("lines", (event) => {
    const log = document.getElementById("log"), data = JSON.parse(event.data);
    const following = window.innerHeight + window.scrollY >= document.body.scrollHeight - 60;
    change(log, data.from, data.lines);
    if (following) window.scrollTo(0, document.body.scrollHeight);
  });
  source.addEventListener("changed", again);
  source.addEventListener("error", (event) => { if (event.target.readyState === EventSource.CLOSED) again(); });
  source.addEventListener("ended", () => { source.close(); location.reload(); });
}
"""


def style_sheet(site: Site, request: Request) -> Answer:
    """Answer with the style sheet."""
    plain = pkgutil.get_data(__package__, "style.css") or b""
    return Answer(200, plain + "\n".join(_terminal_rules()).encode(), (("Content-Type", "text/css"), *_HEADERS))


def script(site: Site, request: Request) -> Answer:
    """Answer with the script."""
    return Answer(200, SCRIPT.encode(), (("Content-Type", "text/javascript; charset=utf-8"), *_HEADERS))


def _terminal_rules() -> List[str]:
    rules = [
        ".term-fg1{font-weight:700}", ".term-fg2{opacity:.7}", ".term-fg3{font-style:italic}",
        ".term-fg4{text-decoration:underline}", ".term-fg9{text-decoration:line-through}",
    ]  # fmt: skip
    palette = (*_COLOURS, *_INTENSE)
    for number in range(8):
        rules.append(f".term-fg3{number}{{color:{_COLOURS[number]}}}.term-bg4{number}{{background:{_COLOURS[number]}}}")
        rules.append(
            f".term-fgi9{number}{{color:{_INTENSE[number]}}}.term-bgi10{number}{{background:{_INTENSE[number]}}}"
        )
    for number in range(256):
        colour = palette[number] if number < 16 else _of_cube(number)
        rules.append(f".term-fgx{number}{{color:{colour}}}.term-bgx{number}{{background:{colour}}}")
    return rules


def _of_cube(number: int) -> str:
    """Return a colour of the 256-colour table above the first 16: a cube of 6 levels, then 24 greys."""
    if number >= 232:
        grey = 8 + (number - 232) * 10
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    levels = (0, 95, 135, 175, 215, 255)
    rest = number - 16
    return f"#{levels[rest // 36]:02x}{levels[rest // 6 % 6]:02x}{levels[rest % 6]:02x}"
