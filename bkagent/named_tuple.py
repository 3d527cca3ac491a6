"""Named tuples written as classes, for what must start fast: `typing` takes half as long to load as the interpreter.

A class of them is written as with `typing.NamedTuple`, in a file with `from __future__ import annotations`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    class _NamedTupleType(type):
        def __new__(metaclass, name, bases, namespace):  # noqa: N804
            if not bases:
                return super().__new__(metaclass, name, bases, namespace)
            fields = tuple(namespace["__annotations__"])
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            tuple_class = namedtuple(name, fields, defaults=defaults, module=namespace["__module__"])
            for member, value in namespace.items():
                if member not in ("__module__", "__annotations__", "__qualname__"):
                    setattr(tuple_class, member, value)
            return tuple_class

    class NamedTuple(metaclass=_NamedTupleType):
        """The base of each."""


__all__ = ["NamedTuple"]
