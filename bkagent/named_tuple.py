"""Named tuples written as classes, for what must start fast: `typing` takes half as long to load as the interpreter.

A class of them is written as with `typing.NamedTuple`, in a file with `from __future__ import annotations`. That of
`collections` compiles a function for each class, which takes ten times as long as all the rest of making the class.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    try:
        from _collections import _tuplegetter
    except ImportError:  # a Python that has no C
        from collections import _tuplegetter

    _new = tuple.__new__
    # How a tuple of so many fields is made; each class has the same code with the names of its own fields.
    _MAKERS = (
        lambda _cls: _new(_cls, ()),
        lambda _cls, a: _new(_cls, (a,)),
        lambda _cls, a, b: _new(_cls, (a, b)),
        lambda _cls, a, b, c: _new(_cls, (a, b, c)),
        lambda _cls, a, b, c, d: _new(_cls, (a, b, c, d)),
        lambda _cls, a, b, c, d, e: _new(_cls, (a, b, c, d, e)),
        lambda _cls, a, b, c, d, e, f: _new(_cls, (a, b, c, d, e, f)),
        lambda _cls, a, b, c, d, e, f, g: _new(_cls, (a, b, c, d, e, f, g)),
        lambda _cls, a, b, c, d, e, f, g, h: _new(_cls, (a, b, c, d, e, f, g, h)),
        lambda _cls, a, b, c, d, e, f, g, h, i: _new(_cls, (a, b, c, d, e, f, g, h, i)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j: _new(_cls, (a, b, c, d, e, f, g, h, i, j)),
    )
    _function = type(_MAKERS[0])

    def _maker(name, fields, defaults):
        count = len(fields)
        if count < len(_MAKERS):
            code = _MAKERS[count].__code__
        else:
            names = ", ".join(f"a{number}" for number in range(count))
            code = eval(f"lambda _cls, {names}: _new(_cls, ({names}))").__code__
        maker = _function(
            code.replace(co_name="__new__", co_varnames=("_cls", *fields)), globals(), "__new__", defaults
        )
        maker.__qualname__ = f"{name}.__new__"
        return maker

    def _make(cls, iterable):
        """Make one of a sequence or iterable."""
        values = _new(cls, iterable)
        if len(values) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(values)}")
        return values

    def _replace(self, /, **changes):
        """Return another with new values of some fields."""
        values = self._make(map(changes.pop, self._fields, self))
        if changes:
            raise ValueError(f"Got unexpected field names: {list(changes)!r}")
        return values

    def _asdict(self):
        """Return the values by name."""
        return dict(zip(self._fields, self))

    def _values(self):
        return tuple(self)

    def _repr(self):
        return f"{type(self).__name__}({', '.join(map('{}={!r}'.format, self._fields, self))})"

    _SHARED = {
        "__slots__": (), "_make": classmethod(_make), "_replace": _replace, "_asdict": _asdict, "__repr__": _repr,
        "__getnewargs__": _values,
    }  # fmt: skip

    class _NamedTupleType(type):
        def __new__(metaclass, name, bases, namespace):  # noqa: N804
            if not bases:
                return super().__new__(metaclass, name, bases, namespace)
            fields = tuple(namespace.pop("__annotations__"))
            defaults = {field: namespace[field] for field in fields if field in namespace}
            own = {"__doc__": f"{name}({', '.join(fields)})", "_fields": fields, "_field_defaults": defaults}
            own["__new__"] = _maker(name, fields, tuple(defaults.values()))
            own["__match_args__"] = fields
            getters = {field: _tuplegetter(number, "") for number, field in enumerate(fields)}
            return type(name, (tuple,), {**_SHARED, **own, **namespace, **getters})

    class NamedTuple(metaclass=_NamedTupleType):
        """The base of each."""


__all__ = ["NamedTuple"]
