"""Read the pipelines of a text: YAML, normalised and interpolated."""

from __future__ import annotations

from typing import Iterator, Mapping, Tuple, Union

from bkagent.pipeline.document import interpolate_document, normalise
from bkagent.pipeline.document.model import Normalised
from bkagent.pipeline.errors import PipelineError
from bkagent.yaml.errors import YamlError
from bkagent.yaml.load import documents

Content = Union[str, bytes]
TRACE_CONTEXT = "BUILDKITE_TRACE_CONTEXT"


def read_pipeline(
    text: Content, name: str, environ: Mapping[str, str], interpolate: bool = True, *, prefer_environ: bool = False
) -> Normalised:
    """Return the one pipeline of a text. Raises PipelineError naming the source, also for none or several."""
    pipelines = read_pipelines(text, name, environ, interpolate, prefer_environ=prefer_environ)
    if len(pipelines) != 1:
        what = "the document is empty" if not pipelines else f"expected one document, found {len(pipelines)}"
        raise PipelineError(f'pipeline parsing of "{name}" failed: {what}')
    return pipelines[0]


def read_pipelines(
    text: Content, name: str, environ: Mapping[str, str], interpolate: bool = True, *, prefer_environ: bool = False
) -> Tuple[Normalised, ...]:
    """Return all pipelines of a text, none for an empty one. `name` is the source in messages.

    Raises PipelineError with the name, and for YAML the line and column.
    """
    return tuple(each_pipeline(text, name, environ, interpolate, prefer_environ=prefer_environ))


def each_pipeline(
    text: Content, name: str, environ: Mapping[str, str], interpolate: bool = True, *, prefer_environ: bool = False
) -> Iterator[Normalised]:
    """Yield the pipelines of a text one by one: an error in a later one does not affect an earlier one.

    With `prefer_environ` a pipeline's `env` does not replace variables of `environ` for what is put in.
    """
    document_list = documents(text)
    while True:
        try:
            document = next(document_list)
            pipeline, warnings = normalise.read(document)
        except StopIteration:
            return
        except (PipelineError, YamlError) as wrong:
            raise PipelineError(f'pipeline parsing of "{name}" failed: {wrong}') from None
        if interpolate:
            if TRACE_CONTEXT in environ:
                pipeline.env = {**(pipeline.env or {}), TRACE_CONTEXT: environ[TRACE_CONTEXT]}
            try:
                interpolate_document.fill(pipeline, environ, prefer_environ=prefer_environ)
            except PipelineError as wrong:
                raise PipelineError(f'pipeline interpolation of "{name}" failed: {wrong}') from None
        try:
            document = normalise.to_wire(pipeline)
        except PipelineError as wrong:
            raise PipelineError(f'pipeline "{name}" cannot be written as JSON: {wrong}') from None
        yield Normalised(document, tuple(warnings), pipeline)
