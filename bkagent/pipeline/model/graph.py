"""Check the steps of a pipeline together: duplicate keys, unknown dependencies, cycles."""

from __future__ import annotations

from typing import Collection, Dict, List, Optional, Set, Tuple

from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.steps import Pipeline, Step


def check(pipeline: Pipeline, existing_keys: Collection[str] = (), *, unknown_allowed: bool = False) -> None:
    """Raise PipelineError for a key used twice, a dependency on an unknown key, or a cycle.

    `existing_keys` are those of steps that the build already has. With `unknown_allowed` a dependency may
    name a key that a later upload brings.
    """
    keyed = _steps_by_key(pipeline, existing_keys)
    if not unknown_allowed:
        missing = unknown_dependencies(pipeline, existing_keys)
        if missing:
            raise PipelineError(missing[0])
    cycle = _cycle(pipeline, keyed)
    if cycle:
        path = " -> ".join(f'"{key}"' for key in cycle)
        raise PipelineError(f"{keyed[cycle[0]].name}: depends_on forms a cycle: {path}")


def unknown_dependencies(pipeline: Pipeline, existing_keys: Collection[str] = ()) -> List[str]:
    """Return one sentence for each dependency on a key that no step has."""
    keys = {step.key for step, _ in pipeline.walk() if step.key} | set(existing_keys)
    sentences = []
    for step, _ in pipeline.walk():
        for dependency in step.depends_on or ():
            if dependency.key not in keys:
                sentence = f'{step.name}: depends_on names "{dependency.key}"'
                known = f"that key (known: {', '.join(sorted(keys))})" if keys else "a key"
                sentences.append(f"{sentence}, but no step has {known}")
    return sentences


def _steps_by_key(pipeline: Pipeline, existing_keys: Collection[str]) -> Dict[str, Step]:
    keyed: Dict[str, Step] = {}
    for step, _ in pipeline.walk():
        if not step.key:
            continue
        if step.key in existing_keys:
            used = f'the key "{step.key}" has already been used by another step in this build'
            raise PipelineError(f"{step.name}: {used}")
        if step.key in keyed:
            raise PipelineError(f'{step.name}: the key "{step.key}" has already been used by {keyed[step.key].name}')
        keyed[step.key] = step
    return keyed


def _cycle(pipeline: Pipeline, keyed: Dict[str, Step]) -> List[str]:
    """Return the keys along a cycle, the first one again at the end, or []."""
    edges: Dict[str, Set[str]] = {key: set() for key in keyed}
    for step, group in pipeline.walk():
        keys = {dependency.key for dependency in step.depends_on or () if dependency.key in keyed}
        if step.key:
            edges[step.key] |= keys
        if group is not None and group.key:
            # A group is done when its steps are: it waits for what they wait for, and for them.
            edges[group.key] |= {step.key} if step.key else {key for key in keys if key != group.key}
    return _find_cycle({key: sorted(targets) for key, targets in edges.items()})


def _find_cycle(edges: Dict[str, List[str]]) -> List[str]:
    done: Set[str] = set()
    for start in edges:
        path: List[str] = []
        on_path: Set[str] = set()
        pending: List[Tuple[str, Optional[int]]] = [(start, 0)]
        while pending:
            key, at = pending.pop()
            if at == 0:
                if key in on_path:
                    return path[path.index(key) :] + [key]
                if key in done:
                    continue
                path.append(key)
                on_path.add(key)
            assert at is not None
            if at < len(edges[key]):
                pending.append((key, at + 1))
                pending.append((edges[key][at], 0))
            else:
                done.add(path.pop())
                on_path.discard(key)
    return []
