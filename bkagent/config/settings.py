"""The values in force for one run of a command, and where each came from."""

from bkagent.errors import ConfigError, MissingValue, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

    from bkagent.config.option import Option

DEFAULT = "default"

# Of the replaced options, the one whose value wins over that of the option to use instead.
_OVERWRITING = ("disconnect-after-job-timeout",)


class Settings:
    """Values by option: `settings[OPTION]`. Options are told apart by name."""

    __slots__ = ("_values", "_origins")

    def __init__(self) -> None:
        self._values: "Dict[str, Any]" = {}
        self._origins: "Dict[str, str]" = {}

    def put(self, option: "Option", value: object, origin: str) -> None:
        """Set a value; `origin` says where it comes from, as `origin` below does."""
        self._values[option.name] = value
        self._origins[option.name] = origin

    def __getitem__(self, option: "Option") -> "Any":
        return self._values[option.name]

    def __contains__(self, option: "Option") -> bool:
        return option.name in self._values

    def secrets(self) -> "List[str]":
        """Return the texts of all secret values that are set."""
        from bkagent.config.secret import Secret

        return [value.reveal() for value in self._values.values() if isinstance(value, Secret) and value]

    def origin(self, option: "Option") -> str:
        """Return "flag --NAME", "environment variable NAME", "configuration file FILE, line N" or "default"."""
        return self._origins[option.name]

    def is_set(self, option: "Option") -> bool:
        """Return whether anything but the default gave the value."""
        return self._origins.get(option.name, DEFAULT) != DEFAULT

    def invalid_value(self, option: "Option", legal: str, given: object) -> str:
        """Return the sentence for an invalid value, or an invalid part of it, with its origin; see `invalid_value`."""
        return invalid_value(option.name, legal, given, self.origin(option))


def invalid_value(name: str, legal: str, given: object, origin: str = "") -> str:
    """Return `NAME must be LEGAL, not "GIVEN" (ORIGIN)`; a number without quotes, None (a secret) not at all.

    Every invalid option and argument is reported in these words, so that all say what is legal and what to change.
    """
    shown = f'"{given}"' if isinstance(given, str) else given
    return (
        f"{name} must be {legal}" + (f", not {shown}" if given is not None else "") + (f" ({origin})" if origin else "")
    )


class Source:
    """Where values come from, strongest first: the command line, the environment, the file."""

    __slots__ = ("flags", "environ", "file")

    def __init__(
        self,
        flags: "Mapping[str, List[str]]",
        environ: "Mapping[str, str]",
        file: "Optional[Mapping[str, Tuple[str, str]]]" = None,
    ) -> None:
        self.flags = flags  # name -> its texts, in order
        self.environ = environ
        self.file = file or {}  # name -> (text, "FILE, line N")


def resolve(options: "Iterable[Option]", source: Source, warn: "Callable[[str], None]") -> Settings:
    """Return the settings of a command.

    Raises UsageError or ConfigError naming the source of a value that cannot be read, and MissingValue for
    a required one that is missing. `warn` gets a sentence for each use of a replaced option, and for each
    text of the file that cannot be read where the reference goes on with a value of its own.
    """
    settings = Settings()
    options = list(options)
    for option in options:
        value, origin = _find(option, source, warn)
        settings.put(option, value, origin)
    for option in options:
        if option.replaced_by and settings.is_set(option):
            _move(option, options, settings, warn)
    for option in options:
        if option.required and not settings[option]:
            raise MissingValue(option.required)
    return settings


def defaults(options: "Iterable[Option]") -> Settings:
    """Return the settings of options that nothing was given for, required ones included."""
    settings = Settings()
    for option in options:
        settings.put(option, *_find(option, Source({}, {}), lambda sentence: None))
    return settings


def _find(option: "Option", source: Source, warn: "Callable[[str], None]") -> "Tuple[object, str]":
    kind = option.kind
    error_class = UsageError if kind.has_syntax else ConfigError
    if option.name in source.flags:
        origin = f"flag --{option.name}"
        texts = source.flags[option.name]
        if kind.repeats:
            items: "List[object]" = []
            for text in texts:
                items += _read(option, kind.from_flag, text, origin, error_class)  # type: ignore[arg-type]
            return kind.finish(items), origin
        return kind.finish(_read(option, kind.from_flag, texts[-1], origin, error_class)), origin
    for name in option.env:
        if name in source.environ:
            origin = f"environment variable {name}"
            return kind.finish(_read(option, kind.from_environment, source.environ[name], origin, error_class)), origin
    if option.in_file and option.name in source.file:
        text, line_origin = source.file[option.name]
        origin = f"configuration file {line_origin}"
        return kind.finish(_from_file(option, text, origin, warn)), origin
    default = option.default(source.environ) if callable(option.default) else option.default
    return kind.finish(list(default) if isinstance(default, tuple) else default), DEFAULT


def _read(option: "Option", reader: "Callable[[str], object]", text: str, origin: str, error: "type") -> object:
    try:
        return reader(text)
    except ValueError as wrong:
        given = None if option.secret else text
        raise error(invalid_value(option.name, str(wrong), given, origin)) from None


def _from_file(option: "Option", text: str, origin: str, warn: "Callable[[str], None]") -> object:
    """Return a value of the file. What cannot be read is said, and becomes what the reference makes of it."""
    try:
        return _read(option, option.kind.from_file, text, origin, ConfigError)
    except ConfigError as wrong:
        instead = option.kind.unread_in_file
        if instead is None:
            raise
        warn(f"{wrong}; using {'false' if instead is False else 0}")
        return instead


def _move(option: "Option", options: "List[Option]", settings: Settings, warn: "Callable[[str], None]") -> None:
    """Give the value of a replaced option to the one that replaces it."""
    target = next(other for other in options if other.name == option.replaced_by)
    origin = settings.origin(option)
    if not settings[option]:
        return
    if settings.is_set(target) and settings[target] and option.name not in _OVERWRITING:
        raise ConfigError(
            f"--{option.name} ({origin}) was renamed to --{target.name} ({settings.origin(target)}); "
            f"set only --{target.name}, not both"
        )
    warn(f"--{option.name} ({origin}) was renamed to --{target.name}; please use the new name")
    settings.put(target, settings[option], origin)
