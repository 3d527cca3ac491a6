"""Forms that let a build go on after a block or input step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Sequence, Tuple

from bkagent.controlplane.login.sessions import LoginSession
from bkagent.controlplane.records import Job
from bkagent.controlplane.web.ui import build_page, forms
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.pipeline.model.steps import DEFAULT_SUBMIT, Field, ManualStep

FORMS_COUNT = 20


@dataclass(frozen=True)
class RefusedAnswers:
    """Answers that were refused: of which job, why, and what they were."""

    job_id: str
    reason: str
    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)


NOT_REFUSED = RefusedAnswers("", "")


def sections(
    build_path: str, blocked: Sequence[Tuple[Job, ManualStep]], session: LoginSession, refused: RefusedAnswers
) -> Html:
    """Return a form for each job that waits for a person, as many as one page takes."""
    return join([_section(build_path, job, step, session, refused) for job, step in blocked[:FORMS_COUNT]])


def answers_of(step: ManualStep, fields: forms.FormFields) -> Dict[str, List[str]]:
    """Return the answers of a form to a step's fields by their keys. A field without an answer has an empty list."""
    return {
        question.key: [text.replace("\r\n", "\n") for text in fields.texts(_name(at)) if text]
        for at, question in enumerate(step.fields)
    }


def _section(build_path: str, job: Job, step: ManualStep, session: LoginSession, refused: RefusedAnswers) -> Html:
    is_refused = refused.job_id == job.id
    answers = refused.answers if is_refused else {}
    parts = [fill("<h2>{name}</h2>", name=build_page.job_name(job))]
    if step.prompt:
        parts.append(fill('<p class="prompt">{prompt}</p>', prompt=step.prompt))
    if is_refused:
        parts.append(fill('<p class="bad" role="alert">{reason}</p>', reason=refused.reason))
    questions = join([_question(job, at, each, answers) for at, each in enumerate(step.fields)])
    submit = fill('<button class="first">{submit}</button>', submit=step.submit or DEFAULT_SUBMIT)
    path = f"{build_path}/jobs/{job.id}/unblock"
    parts.append(forms.form(session, path, join([questions, submit])))
    return fill('<section class="block" id="block-{id}">{parts}</section>', id=job.id, parts=join(parts))


def _question(job: Job, at: int, question: Field, answers: Mapping[str, Sequence[str]]) -> Html:
    chosen = answers.get(question.key, question.default)
    values = {
        "id": f"{job.id}-{at}", "name": _name(at), "title": question.title or question.key or "Answer",
        "need": Html(" required") if question.required else NOTHING,
        "mark": NOTHING if question.required else Html(' <span class="soft">(optional)</span>'),
        "hint": fill('<span class="soft" id="{id}-{at}-hint">{hint}</span>', id=job.id, at=at, hint=question.hint)
        if question.hint else NOTHING,
        "by": fill(' aria-describedby="{id}-{at}-hint"', id=job.id, at=at) if question.hint else NOTHING,
    }  # fmt: skip
    if not question.options:
        template = (
            '<p><label for="{id}">{title}{mark}</label> '
            '<textarea id="{id}" name="{name}" rows="{rows}"{need}{by}>\n{text}</textarea>{hint}</p>'
        )
        text = "\n".join(chosen)
        return fill(template, text=text, rows=min(text.count("\n") + 1, 12), **values)
    if question.multiple:
        boxes = join([_box(values, label, value, value in chosen) for label, value in question.options])
        return fill("<fieldset{by}><legend>{title}{mark}</legend>{boxes}{hint}</fieldset>", boxes=boxes, **values)
    choices = [_choice(label, value, value in chosen) for label, value in question.options]
    if not any(value in chosen for _, value in question.options):
        choices.insert(0, Html('<option value="">Choose\u2026</option>'))
    template = (
        '<p><label for="{id}">{title}{mark}</label> '
        '<select id="{id}" name="{name}"{need}{by}>{choices}</select>{hint}</p>'
    )
    return fill(template, choices=join(choices), **values)


def _choice(label: str, value: str, is_chosen: bool) -> Html:
    mark = Html(" selected") if is_chosen else NOTHING
    return fill('<option value="{value}"{mark}>{label}</option>', value=value, label=label, mark=mark)


def _box(values: Mapping[str, object], label: str, value: str, is_chosen: bool) -> Html:
    mark = Html(" checked") if is_chosen else NOTHING
    template = '<label><input type="checkbox" name="{name}" value="{value}"{mark}> {label}</label>'
    return fill(template, name=values["name"], value=value, label=label, mark=mark)


def _name(at: int) -> str:
    """Return the name of a form's field: keys come from pipelines, so forms count."""
    return f"answer-{at}"
