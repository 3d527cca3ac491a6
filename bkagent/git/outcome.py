"""What a failed git command means for the checkout, by its exit code and output."""

import enum
from typing import Mapping, Sequence, Set, Tuple, Union

from bkagent.errors import JobFailed


class Kind(enum.Enum):
    """A kind of failure: what it does to the checkout folder and whether to retry."""

    CLONE = "clone"
    CLONE_TIMEOUT = "clone timeout"
    CLEAN = "clean"
    CLEAN_SUBMODULES = "clean submodules"
    BAD_REFERENCE = "bad reference"
    NOT_ON_REMOTE = "ref not on remote"
    BAD_OBJECT = "bad object"
    FETCH = "fetch"
    FETCH_RETRY_CLEAN = "fetch, then clean"
    CHECKOUT = "checkout"
    CHECKOUT_RETRY_CLEAN = "checkout, then clean"
    NOT_A_TREE = "not a tree"
    REPACK = "repack"
    LFS = "lfs"
    LOCKED = "locked"
    HELD = "held by a process"
    IN_THE_WAY = "refs in each other's way"
    DAMAGED = "damaged"
    OTHER = "other"


# The repository at hand is what keeps a command from working, whatever the command; in this order.
_OWN_FAULTS = (Kind.LOCKED, Kind.IN_THE_WAY, Kind.DAMAGED)
# Longer lines than those with two paths are not git's own; a pattern may take the square of the length.
_LONGEST_LINE_BYTES = 1 << 13
# Most commands print less and succeed, so that nothing of it is read.
_UNREAD_BYTES = 1 << 16


class GitFailed(JobFailed):
    """A git command failed, or its preparation. `was_retried`: it has already been retried."""

    def __init__(
        self,
        message: str,
        exit_code: int,
        kind: Kind = Kind.OTHER,
        was_retried: bool = False,
        signal: str = "",
    ) -> None:
        super().__init__(message, exit_code)
        self.kind, self.was_retried, self.signal = kind, was_retried, signal

    @property
    def is_of_damage(self) -> bool:
        """Whether git reported the repository, or objects it borrows, as damaged."""
        return self.kind in (Kind.DAMAGED, Kind.BAD_OBJECT)

    def within(self, doing: str) -> "GitFailed":
        """Return the same failure, its text prefixed with what was being done."""
        return GitFailed(f"{doing}: {self}", self.exit_code, self.kind, self.was_retried, self.signal)

    def with_hint(self, hint: str) -> "GitFailed":
        """Return the same failure, with a line about the likely cause added to its text."""
        return GitFailed(f"{self}\n{hint}", self.exit_code, self.kind, self.was_retried, self.signal)

    def of_kind(self, kind: Kind) -> "GitFailed":
        """Return the same failure as one of another kind."""
        return GitFailed(str(self), self.exit_code, kind, self.was_retried, self.signal)

    def after_retries(self) -> "GitFailed":
        """Return the same failure, marked as already retried."""
        return GitFailed(str(self), self.exit_code, self.kind, True, self.signal)


class Judge:
    """How the failures of one git command are classified.

    By texts first, in order, then by what git says about the repository at hand, by exit codes, and the rest.
    """

    def __init__(
        self,
        rest: Kind,
        texts: Sequence[Tuple[bytes, Kind]] = (),
        codes: Mapping[int, Kind] = {},  # noqa: B006
    ) -> None:
        self.rest, self.texts, self.codes = rest, tuple(texts), dict(codes)

    def watch(self) -> "OutputScanner":
        """Return a reader for one run's output."""
        return OutputScanner([text for text, _kind in self.texts])

    def kind(self, exit_code: int, seen: Set[Union[bytes, Kind]]) -> Kind:
        """Return the kind of a failure with `exit_code` after an output in which a scanner has `seen` these."""
        for text, kind in self.texts:
            if text in seen:
                return kind
        for kind in _OWN_FAULTS:
            if kind in seen:
                return kind
        return self.codes.get(exit_code, self.rest)


class OutputScanner:
    """Looks for texts, and for lines about the local repository, in output of chunks of any size."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._wanted = list(texts)
        self._keep_bytes = max((len(text) for text in texts), default=1) - 1
        self._unread = self._tail = self._line = b""
        self._seen: Set[Union[bytes, Kind]] = set()

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self._unread += data
        if len(self._unread) > _UNREAD_BYTES:
            self._read()

    @property
    def seen(self) -> Set[Union[bytes, Kind]]:
        """The texts, and the faults of the local repository, that the output told of."""
        self._read()
        self._read_line(self._line)
        return self._seen

    def _read(self) -> None:
        data, self._unread = self._unread, b""
        *lines, rest = data.replace(b"\r", b"\n").split(b"\n")
        if lines:
            lines[0] = self._line + lines[0]
        for line in lines:
            self._read_line(line)
        self._line = (rest if lines else self._line + rest)[: _LONGEST_LINE_BYTES + 1]
        if not self._wanted:
            return
        joined = self._tail + data
        self._seen.update(text for text in self._wanted if text in joined)
        self._wanted = [text for text in self._wanted if text not in self._seen]
        self._tail = joined[-self._keep_bytes :] if self._keep_bytes else b""

    def _read_line(self, line: bytes) -> None:
        if not line or len(line) > _LONGEST_LINE_BYTES:
            return
        from bkagent.git import own_faults  # to compile its patterns takes longer than many a git command

        if own_faults.OF_OTHERS.match(line):
            return
        patterns = (own_faults.LOCKED, own_faults.IN_THE_WAY, own_faults.DAMAGED)
        self._seen.update(kind for kind, pattern in zip(_OWN_FAULTS, patterns) if pattern.search(line))


_MISSING_REF = b"ouldn't find remote ref"

CLONE = Judge(Kind.CLONE, [(b"Operation too slow", Kind.CLONE_TIMEOUT)])
CLEAN = Judge(Kind.CLEAN)
CLEAN_SUBMODULES = Judge(Kind.CLEAN_SUBMODULES)
FETCH = Judge(
    Kind.FETCH,
    [
        # git wrote the word with a capital letter until 2.19.
        (b"fatal: c" + _MISSING_REF, Kind.BAD_REFERENCE),
        (b"fatal: C" + _MISSING_REF, Kind.BAD_REFERENCE),
        (b"not our ref", Kind.NOT_ON_REMOTE),
        (b"Server does not allow request for unadvertised object", Kind.NOT_ON_REMOTE),
        (b"fatal: bad object", Kind.BAD_OBJECT),
    ],
    {128: Kind.FETCH_RETRY_CLEAN},
)
CHECKOUT = Judge(
    Kind.CHECKOUT,
    [(b"fatal: reference is not a tree", Kind.NOT_A_TREE)],
    {128: Kind.CHECKOUT_RETRY_CLEAN},
)
REPACK = Judge(Kind.REPACK)
LFS = Judge(Kind.LFS)
OTHER = Judge(Kind.OTHER)
