"""Tables that read well on wide and on narrow pages: a row becomes a block of lines where there is no room for columns.

Roles are written out, since some browsers forget that a table is one when its rows become blocks.
"""

from __future__ import annotations

from typing import Iterable, Sequence, Tuple

from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join

# Name of a column and the class of its cells: "main" has the most room, "few" has short words, "" what fits.
Column = Tuple[str, str]


def table(caption: str, columns: Sequence[Column], bodies: Iterable[Html]) -> Html:
    """Return a table. `caption` is for those who do not see what stands above it; `bodies` come from `body`."""
    heads = join(
        [fill('<th role="columnheader" scope="col"{kind}>{name}</th>', name=name, kind=_class(kind))
         for name, kind in columns], "",
    )  # fmt: skip
    return fill(
        '<table role="table"><caption class="hidden">{caption}</caption>\n'
        '<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n{bodies}</table>',
        caption=caption, heads=heads, bodies=join(bodies),
    )  # fmt: skip


def body(columns: Sequence[Column], rows: Iterable[Html], heading: str = "") -> Html:
    """Return rows of a table as a group, under a heading if there is one."""
    head = NOTHING
    if heading:
        head = fill(
            '<tr role="row" class="group"><th role="rowheader" scope="rowgroup" colspan="{count}">{heading}</th></tr>',
            count=len(columns), heading=heading,
        )  # fmt: skip
    return fill('<tbody role="rowgroup">{head}{rows}</tbody>', head=head, rows=join(rows))


def row(columns: Sequence[Column], cells: Sequence[Html], id: str = "") -> Html:
    """Return a row with a cell for each column."""
    pieces = [
        fill('<td role="cell"{kind}>{cell}</td>', kind=_class(kind), cell=cell)
        for (_, kind), cell in zip(columns, cells)
    ]
    return fill(
        '<tr role="row"{id}>{cells}</tr>', id=fill(' id="{id}"', id=id) if id else NOTHING, cells=join(pieces, "")
    )


def _class(kind: str) -> Html:
    return fill(' class="{kind}"', kind=kind) if kind else NOTHING
