"use strict";
// Updates a page while its job, build or agents change. Without scripts, the page is reloaded every 5 s instead.

const PAUSE_MS = 1000;
let source = null;

// A log: take away the lines from `from` on and append what is there now.
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
      if (group && group.dataset.auto && !group.contains(document.activeElement)) group.open = false;
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

// Makes the nodes of the page those of a newer one, and keeps each that is in both: so focus, selection, what was
// opened and what was typed stay.
function match(here, now) {
  if (here.nodeType !== Node.ELEMENT_NODE) {
    if (here.data !== now.data) here.data = now.data;
    return;
  }
  for (const {name, value} of [...now.attributes]) {
    if (here.getAttribute(name) !== value && !isReaders(here, name)) here.setAttribute(name, value);
  }
  for (const {name} of [...here.attributes]) {
    if (!now.hasAttribute(name) && !isReaders(here, name)) here.removeAttribute(name);
  }
  if (here.id !== "log" || !source) matchChildren(here, now);  // the lines of a log that goes on come by themselves
}

function isReaders(element, attribute) {
  if (attribute === "tabindex") return element === document.activeElement;
  return attribute === "open" && element.tagName === "DETAILS";
}

function matchChildren(here, now) {
  const wanted = new Set(), named = new Map();
  for (const child of now.children) if (child.id) wanted.add(child.id);
  for (const child of here.children) if (wanted.has(child.id)) named.set(child.id, child);
  const isSame = (old, child) => old.nodeName === child.nodeName && (old.id || "") === (child.id || "");
  let at = here.firstChild;
  for (const child of [...now.childNodes]) {
    let old = child.id ? named.get(child.id) : at;
    while (old && !child.id && !isSame(old, child)) old = old.nextSibling;
    if (!old || !isSame(old, child)) {
      here.insertBefore(child, at);
      continue;
    }
    while (at && at !== old && !named.has(at.id)) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    if (at === old) at = old.nextSibling;
    else here.insertBefore(old, at);
    match(old, child);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function show(page) {
  const focused = document.activeElement, around = [];
  for (let element = focused; element; element = element.parentElement) around.push(element);
  match(document.querySelector("main"), page.querySelector("main"));
  if (focused === document.body || document.activeElement === focused) return;
  const near = around.find((element) => element.isConnected);  // itself, where it has only been moved
  if (near !== focused) near.tabIndex = -1;
  near.focus({preventScroll: true});
}

// One request at a time, then a pause: a large build changes many times a second.
let isOutdated = false, isUpdating = false;
async function update() {
  isOutdated = true;
  if (isUpdating) return;
  isUpdating = true;
  while (isOutdated && !document.hidden) {
    isOutdated = false;
    const began = performance.now();
    await load().catch(() => {});  // the stream of events begins again, and says what was missed
    await new Promise((end) => setTimeout(end, Math.max(PAUSE_MS, 3 * (performance.now() - began))));
  }
  isUpdating = false;
}

let isLeaving = false;
addEventListener("submit", () => { isLeaving = true; });
addEventListener("pageshow", () => { isLeaving = false; });

async function load() {
  const answer = await fetch(location.href);
  // The session has ended: there is a form to begin another. Not instead of the page that a form leads to, as logging out does.
  if (answer.status === 401 && !isLeaving) location.reload();
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page.querySelector("main").dataset.live) close();
  show(page);
  document.title = page.title;
}

function close() {
  if (source) source.close();
  source = null;
}

function follow(path) {
  source = new EventSource(path);
  source.addEventListener("lines", (event) => {
    const log = document.getElementById("log"), data = JSON.parse(event.data);
    const following = window.innerHeight + window.scrollY >= document.body.scrollHeight - 60;
    change(log, data.from, data.lines);
    if (following) window.scrollTo(0, document.body.scrollHeight);
  });
  source.addEventListener("changed", update);
  source.addEventListener("error", (event) => { if (event.target.readyState === EventSource.CLOSED) update(); });
  source.addEventListener("ended", () => { close(); update(); });
}

// Times that go on. The reader's clock may be wrong, so that of the server counts.
const began = Date.now() / 1000;
function pad(count, unit, rest, small) { return count + unit + " " + rest + small; }
function words(seconds, isPast) {
  const s = Math.max(0, Math.floor(seconds)), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (isPast) return d ? d + " d" : h ? h + " h" : m ? m + " min" : s + " s";
  return d ? pad(d, "d", h % 24, "h") : h ? pad(h, "h", m % 60, "m") : m ? pad(m, "m", s % 60, "s") : s + "s";
}
function tick() {
  const main = document.querySelector("main"), now = ahead + Date.now() / 1000;
  for (const element of document.querySelectorAll("main [data-since]")) {
    const past = element.dataset.words || "", text = words(now - element.dataset.since, past) + past;
    if (element.textContent !== text && element.firstChild) element.firstChild.data = text;
  }
}

const main = document.querySelector("main"), ahead = main.dataset.now - began;
if (main.dataset.live) follow(main.dataset.live);
document.addEventListener("visibilitychange", () => { if (isOutdated) update(); });
setInterval(() => { if (!document.hidden) tick(); }, 1000);
