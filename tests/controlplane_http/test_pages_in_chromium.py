"""Whole pages, full of what jobs, agents and pipelines say, as a real Chromium parses them."""

from pathlib import Path
from typing import Any, Dict, List, Tuple

from tests.controlplane_http.test_terminal_links import hostile_log, known_log
from tests.fakes import browser
from tests.fakes.html_tree import Node, check_allowed, text_of
from tests.markdown import test_safe_html
from tests.markdown.evasions import KNOWN, composed

SEEDS_COUNT = 100
# What pages have beside the elements of annotations and logs. No attribute of theirs has text from elsewhere, but for
# the values of answers.
FRAME: Dict[str, Tuple[str, ...]] = {
    **dict.fromkeys(("title", "body", "header", "noscript", "dl", "legend"), ("class",)),
    "meta": ("charset", "name", "content", "http-equiv"), "link": ("rel", "href"), "script": ("src", "defer"),
    "main": ("data-live", "data-now", "id", "tabindex"), "form": ("action", "method"), "button": ("type", "class"),
    "input": ("type", "name", "value", "id", "maxlength", "autocomplete", "inputmode", "size", "checked"),
    "nav": ("class", "aria-label"), "section": ("class", "id"), "label": ("for",), "fieldset": ("aria-describedby",),
    "textarea": ("id", "name", "rows", "required", "aria-describedby"), "option": ("value", "selected"),
    "select": ("id", "name", "required", "aria-describedby"),
}  # fmt: skip
ALLOWED: Dict[str, Tuple[str, ...]] = {
    **{name: (*keys, "class", "id") for name, keys in test_safe_html.ALLOWED.items()}, **FRAME,
    "time": ("datetime", "title", "data-since", "data-words"), "tr": ("id", "role", "class"),
    "a": ("href", "rel", "title", "class", "download", "aria-current"),
    "td": ("align", "colspan", "rowspan", "role", "class"),
    "div": ("class", "id", "hidden"), "th": ("align", "colspan", "rowspan", "role", "scope", "class"),
    "table": ("role",), "thead": ("role",), "tbody": ("role",), "i": ("aria-hidden",),
    "span": ("class", "id", "data-since", "aria-current"),
}  # fmt: skip
_WORDS = "[a-z0-9-]+( [a-z0-9-]+)*"
_ID = "[0-9a-f-]{36}"
VALUES = {
    **test_safe_html.VALUES, "class": _WORDS,
    "id": rf"log|content|L[0-9]+|(block-)?{_ID}|{_ID}-[0-9]+(-hint)?|note|minutes",
    "data-live": r"/[\w/?&=.-]*", "datetime": "[0-9T:.Z-]*", "charset": "utf-8",
    "name": "viewport|form_token|back_to|note|minutes|force|answer-[0-9]+", "content": "[a-z0-9=, -]+",
    "http-equiv": "refresh", "src": r"/-/\w+\.js", "defer": "", "download": "", "hidden": "", "required": "",
    "checked": "", "selected": "", "rel": f"stylesheet|{test_safe_html.VALUES['rel']}",
    "action": r"/[\w/-]*", "method": "post", "type": "hidden|submit|button|checkbox", "value": r"(?s).*",
    "data-now": "[0-9]+", "data-since": "[0-9]+", "data-words": " ago", "tabindex": "-1", "maxlength": "1000",
    "autocomplete": "off", "inputmode": "numeric", "size": "5", "aria-label": "Pages|Breadcrumb|Jobs by state|More",
    "for": rf"{_ID}-[0-9]+|note|minutes", "rows": "[0-9]+", "aria-describedby": rf"{_ID}-[0-9]+-hint",
    "aria-current": "page|true", "aria-hidden": "true", "scope": "col|rowgroup",
    "role": "table|rowgroup|row|cell|columnheader|rowheader",
}  # fmt: skip


def pages_of(desk: Any, texts: List[str]) -> List[str]:
    """Fill a control plane with hostile texts, and return its pages."""
    steps = [{"command": text, "label": text, "key": f"k{number}"} for number, text in enumerate(texts)]
    steps.append({"group": texts[0], "steps": [{"command": "x", "matrix": texts[:40]}]})
    for number, text in enumerate(texts[:40]):
        fields: List[Any] = [{"text": text, "key": "a", "hint": text, "default": text}]
        options = [{"label": text or "x", "value": text or "x"}]
        fields.append({"select": text, "key": "b", "options": options, "multiple": number % 2 > 0, "hint": text})
        steps.append({"block": text, "prompt": text, "depends_on": [], "fields": fields})
        details = {"branch": text, "commit": text, "message": text, "author": {"name": text, "email": text}}
        desk.build(*steps, **details)
        steps = [{"command": text, "label": text}]
        desk.registered(name=text, hostname=text, version=text, meta_data=["queue=" + text])
    job_id, job = desk.running_job()
    log = b"".join([*map(known_log, texts), *map(hostile_log, range(SEEDS_COUNT))])
    assert desk.log(job, job_id, 1, 0, log)[0] < 300
    for number, text in enumerate(texts):
        for scope in ("build", "job"):
            note = {"body": text, "scope": scope, "context": f"{number}{text[:50]}", "style": text}
            job.call("POST", f"/jobs/{job_id}/annotations", note)
    entries = [{"path": text, "file_size": 1, "url": text, "content_type": text} for text in texts]
    answer = job.call("POST", f"/jobs/{job_id}/artifacts", {"id": "b", "artifacts": entries})[1]
    desk.plane.artifacts.update(job_id, dict.fromkeys(answer["artifact_ids"][::2], "finished"))
    job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "1", "signal": texts[0], "signal_reason": texts[1]})
    paths = [
        "/",
        "/local/demo",
        "/local/demo/builds/1",
        f"/local/demo/builds/1/jobs/{job_id}",
        "/-/agents",
        "/-/queues",
    ]
    paths += [f"/-/agents/{agent.id}" for agent in desk.plane.sessions.find()]
    paths += [f"/local/demo/builds/{number}" for number in range(2, 40)]
    answers = [desk.page().call("GET", path) for path in paths]
    assert {status for status, _, _ in answers} == {200}
    return [content.decode() for _, content, _ in answers]


def nodes_named(nodes: List[Node], name: str) -> List[Node]:
    """Return all elements of one name."""
    elements = [node for node in nodes if not isinstance(node, str)]
    return [node for node in elements if node[0] == name] + [
        inner for node in elements for inner in nodes_named(node[2], name)
    ]


def test_pages_have_nothing_that_a_job_an_agent_or_a_pipeline_put_there(desk: Any, tmp_path: Path) -> None:
    texts = [*KNOWN.values(), *map(composed, range(SEEDS_COUNT))]
    pages = pages_of(desk, texts)
    readings = browser.read(pages, tmp_path)
    assert readings.ran == []
    for page, reading in zip(pages, readings.texts):
        check_allowed(reading.whole, ALLOWED, VALUES)
        assert len(nodes_named(reading.whole, "script")) == page.count("<script src=") == 1
        assert len(nodes_named(reading.whole, "main")) == 1 and len(nodes_named(reading.whole, "h1")) >= 1
        for address, _, origin in reading.links:
            assert origin == browser.ORIGIN or address.startswith(("http", "HTTP", "mailto:", "#")), address
    shown = text_of(readings.texts[2].whole)  # the first page of its jobs
    labels = [text.strip().partition("\n")[0] for text in texts]
    plain = [label for label in labels if label and len(label) <= 120 and not set(label) & set("\0\r")]
    assert len(plain) > 100 and [label for label in plain if label not in shown] == []
