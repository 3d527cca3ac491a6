"""A table whose columns are the fields of a record; mappings and tuples are kept as JSON."""

from __future__ import annotations

import collections.abc
import dataclasses
import json
from typing import Any, Callable, Generic, List, Optional, Protocol, Sequence, Tuple, Type, TypeVar, get_type_hints

from bkagent.controlplane.store.database import Database


class Record(Protocol):
    """A dataclass that has an id."""

    @property
    def id(self) -> str:
        """Return the record's id."""


R = TypeVar("R", bound=Record)
# SQLite's oldest limit on the values of one statement is 999.
MOST_VALUES = 900


class RecordTable(Generic[R]):
    """Reads and writes records of one type. `left_out` names fields that another table holds, the last ones."""

    def __init__(self, record: Type[R], table: str, left_out: Sequence[str] = ()) -> None:
        self.table = table
        self._record = record
        hints = get_type_hints(record)
        fields = dataclasses.fields(record)  # type: ignore[arg-type]
        self._names = [field.name for field in fields if field.name not in left_out]
        # Rows become records by position.
        assert self._names == [field.name for field in fields][: len(self._names)]
        self._readers = [_reader(hints[name]) for name in self._names]
        self._columns = ", ".join(f'"{name}"' for name in self._names)

    def add(self, db: Database, record: R) -> None:
        """Keep a new record."""
        values = [column_value(getattr(record, name)) for name in self._names]
        marks = ", ".join("?" * len(values))
        db.rows(f"INSERT INTO {self.table} ({self._columns}) VALUES ({marks})", values)

    def get(self, db: Database, id: str) -> Optional[R]:
        """Return the record with this id, or None."""
        return self.first(db, "id = ?", (id,))

    def first(self, db: Database, where: str, values: Sequence[Any] = ()) -> Optional[R]:
        """Return the first record for which the SQL condition (which may go on with ORDER BY) holds, or None."""
        records = self.all(db, f"{where} LIMIT 1", values)
        return records[0] if records else None

    def all(self, db: Database, where: str = "1", values: Sequence[Any] = ()) -> List[R]:
        """Return every record for which the SQL condition (which may go on with ORDER BY and LIMIT) holds."""
        rows = db.rows(f"SELECT {self._columns} FROM {self.table} WHERE {where}", values)
        return [self._record_of(row) for row in rows]

    def among(self, db: Database, column: str, values: Sequence[str], order: str = "") -> List[R]:
        """Return the records whose column has one of these values, any number of them."""
        records: List[R] = []
        for at in range(0, len(values), MOST_VALUES):
            part = values[at : at + MOST_VALUES]
            records += self.all(db, f"{column} IN ({', '.join('?' * len(part))}) {order}", part)
        return records

    def change(self, db: Database, record: R, **changes: Any) -> R:
        """Return the record with these fields changed, and keep it so."""
        differing = {name: value for name, value in changes.items() if getattr(record, name) != value}
        if not differing:
            return record
        parts = ", ".join(f'"{name}" = ?' for name in differing)
        values = [column_value(value) for value in differing.values()]
        db.rows(f"UPDATE {self.table} SET {parts} WHERE id = ?", [*values, record.id])
        return dataclasses.replace(record, **differing)  # type: ignore[type-var]

    def count(self, db: Database, where: str = "1", values: Sequence[Any] = ()) -> int:
        """Return how many records meet the SQL condition."""
        return int(db.rows(f"SELECT count(*) FROM {self.table} WHERE {where}", values)[0][0])

    def _record_of(self, row: Tuple[Any, ...]) -> R:
        return self._record(*[read(value) if read else value for read, value in zip(self._readers, row)])


def _reader(hint: Any) -> Optional[Callable[[Any], Any]]:
    origin = getattr(hint, "__origin__", None)
    if origin is collections.abc.Mapping:
        return _mapping
    if origin is tuple:
        return _tuple
    return bool if hint is bool else None


# Most of these are empty: reading them as JSON would be most of the time of reading a job.
def _mapping(text: str) -> Any:
    return {} if text == "{}" else json.loads(text)


def _tuple(text: str) -> Tuple[Any, ...]:
    return () if text == "[]" else tuple(json.loads(text))


def column_value(field: Any) -> Any:
    """Return a field as its column holds it."""
    if isinstance(field, (collections.abc.Mapping, tuple)):
        return json.dumps(field, separators=(",", ":"))
    return field
