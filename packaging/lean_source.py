"""Python source without what only its readers need: comments and docstrings.

They were a third of the archive, which is to stay below a megabyte, and docstrings are loaded with the code. Every line
keeps its number and its text, so that a traceback reads as it would from the repository.
"""

import ast
import io
import tokenize
from typing import Dict, Iterator


def lean(source: bytes, name: str) -> bytes:
    """Return a file without comments and docstrings. Raises ValueError if it would then do something else."""
    text = source.decode("utf-8")
    lines = text.splitlines(keepends=True)
    for line_number, column in _comments(text):
        lines[line_number - 1] = lines[line_number - 1][:column].rstrip() + "\n"
    for statement, replacement in _docstrings(ast.parse(text)).items():
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        indent = lines[first][: statement.col_offset]
        lines[first:last] = [f"{indent}{replacement}".rstrip() + "\n"] + ["\n"] * (last - first - 1)
    result = "".join(lines)
    if not _is_same_program(text, result):
        raise ValueError(f"{name} cannot be packed without its comments: it would be another program")
    return result.encode("utf-8")


def _comments(text: str) -> "Iterator[tuple[int, int]]":
    """Yield the line, from 1, and the column of each comment."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start


def _docstrings(tree: ast.AST) -> "Dict[ast.Expr, str]":
    """Return the statements that are nothing but a text, each with what stands in its place."""
    replacements: "Dict[ast.Expr, str]" = {}
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if not isinstance(body, list):
                continue
            texts = [statement for statement in body if _is_text(statement)]
            for at, statement in enumerate(texts):
                is_all = len(texts) == len(body) and at == 0 and not isinstance(node, ast.Module)
                replacements[statement] = "pass" if is_all else ""
    return replacements


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_same_program(text: str, other: str) -> bool:
    try:
        return _without_docstrings(text) == _without_docstrings(other)
    except SyntaxError:
        return False


def _without_docstrings(text: str) -> str:
    """Return what a source does, in words that do not depend on its docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part) and not isinstance(part, ast.Pass)]
    return ast.dump(tree, include_attributes=False)
