"""Python source without what only its readers need: comments and docstrings.

They were a third of the archive, which is to stay below a megabyte, and docstrings are loaded with the code. Every line
keeps its number and its text, so that a traceback reads as it would from the repository.
"""

import ast
import io
import tokenize
from types import CodeType
from typing import Dict, Iterator


def lean(source: bytes, name: str) -> bytes:
    """Return a file without comments and docstrings. Raises ValueError if it would then do something else."""
    text = source.decode("utf-8")
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    for line_number, column in _comments(text):
        lines[line_number - 1] = lines[line_number - 1][:column].rstrip() + "\n"
    for statement, replacement in _docstrings(tree).items():
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        indent = lines[first][: statement.col_offset]
        lines[first:last] = [f"{indent}{replacement}".rstrip() + "\n"] + ["\n"] * (last - first - 1)
    result = "".join(lines)
    if not _is_same_program(tree, result):
        raise ValueError(f"{name} cannot be packed without its comments: it would be another program")
    return result.encode("utf-8")


def _comments(text: str) -> "Iterator[tuple[int, int]]":
    """Yield the line, from 1, and the column of each comment."""
    if "#" not in text:
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start


def _docstrings(tree: ast.Module) -> "Dict[ast.Expr, str]":
    """Return the statements that are nothing but a text, each with what stands in its place."""
    replacements: "Dict[ast.Expr, str]" = {}
    for owner, body in _bodies(tree):
        texts = [statement for statement in body if _is_text(statement)]
        is_all = len(texts) == len(body) and not isinstance(owner, ast.Module)
        for at, statement in enumerate(texts):
            replacements[statement] = "pass" if is_all and at == 0 else ""
    return replacements


def _bodies(tree: ast.Module) -> "Iterator[tuple[ast.AST, list[ast.stmt]]]":
    """Yield what has statements, and each list of them: a condition has two. Expressions, most of a tree, have none."""
    waiting: "list[ast.AST]" = [tree]
    while waiting:
        owner = waiting.pop()
        waiting += getattr(owner, "handlers", ())
        for field in ("body", "orelse", "finalbody"):
            body = getattr(owner, field, None)
            if body:
                waiting += body
                yield owner, body


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_same_program(tree: ast.Module, other: str) -> bool:
    """Say whether both compile to the same code; changes `tree`."""
    try:
        return _compiled_without_docstrings(tree) == _compiled_without_docstrings(ast.parse(other))
    except SyntaxError:
        return False


def _compiled_without_docstrings(tree: ast.Module) -> CodeType:
    """Return the code of a tree whose docstrings, and what stands in their place, have been taken out."""
    for owner, body in _bodies(tree):
        rest = [part for part in body if not _is_text(part) and not isinstance(part, ast.Pass)]
        if not isinstance(owner, ast.Module):
            _end_where_it_begins(owner)
            if not rest:
                _end_where_it_begins(body[0])
                rest = [ast.copy_location(ast.Pass(), body[0])]
        body[:] = rest
    return compile(tree, "", "exec", dont_inherit=True)


def _end_where_it_begins(node: ast.AST) -> None:
    """Make the code, which says where each statement ends, the same for a docstring and the word in its place."""
    node.end_lineno, node.end_col_offset = node.lineno, node.col_offset
