"""Every error that memu-like raises on purpose, drawn as a tree.

    MemuLikeError
    ├── UserError                    the caller's mistake: say what to change
    │   ├── ConfigError              a setting that cannot be used
    │   ├── InvalidUserId            a user id that cannot become a folder
    │   ├── InvalidInput             messages or a file that cannot be taken in
    │   │   └── LoadError            a file that its loader cannot read: where and why
    │   ├── NotFound                 no such user, item, event, resource, category
    │   ├── PromptError              a prompt template that cannot be rendered: file, line, reason
    │   ├── MissingExtra             an optional package is not installed
    │   └── Conflict                 the text changed since the caller read it
    ├── StorageError                 the disk refuses: full, read-only, locked
    │   ├── StoreBusy                another process holds the user's lock
    │   ├── CorruptFile              a file of ours does not parse: path, line, reason
    │   ├── Unmergeable              a category file that a person must mend first
    │   └── FormatTooNew             a folder written by a later version
    ├── EmbedderError                the embedder cannot be loaded or answers nonsense
    ├── GitError                     git is missing, refuses, or stands in the middle of a merge
    ├── RemoteError                  another service that is read from answers what cannot be used
    │   └── RemoteUnavailable        it is down, or refuses the token: later calls fail alike
    └── ModelError                   a language model could not be asked, or its answer not used
        ├── ModelUnavailable         it is down, too slow, or refuses the key: later calls fail alike
        ├── UnusableReply            its reply could not be used, asked twice
        ├── ToolsRefused             the endpoint takes no tools
        ├── ContextTooLong           the request is longer than the model takes
        ├── SpendCapReached          a cap on tokens or cost would be passed
        └── RunsKept                 a command whose runs were kept for later

A class owns its message: callers pass facts, the class says the sentence. A face turns a class into an
exit code or a status by `exit_code`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import Usage


class MemuLikeError(Exception):
    """Root of the tree. `str(error)` is one line that a person can act on."""

    exit_code = 1


class UserError(MemuLikeError):
    exit_code = 2


class ConfigError(UserError):
    """A setting that cannot be used."""


class PromptError(UserError):
    """A prompt template that cannot be rendered."""

    def __init__(self, name: str, line: int | None, reason: str) -> None:
        self.name, self.line, self.reason = name, line, reason
        place = name if line is None else f"{name}:{line}"
        super().__init__(f"{place}: {reason}; `memu-like prompts check` looks at all of them")


class InvalidUserId(UserError):
    def __init__(self, user_id: object, reason: str) -> None:
        shown = repr(user_id)
        super().__init__(f"user id {shown[:60]}{'...' if len(shown) > 60 else ''} cannot be used: {reason}")


class InvalidInput(UserError):
    """Input that cannot be taken in; nothing was written."""

    exit_code = 3


class LoadError(InvalidInput):
    """A file that cannot be loaded. Nothing was written."""

    def __init__(self, source: str, reason: str, line: int | None = None) -> None:
        self.source, self.reason, self.line = source, reason, line
        place = source if line is None else f"{source}:{line}"
        super().__init__(f"{place}: {reason}")


class NotFound(UserError):
    exit_code = 4

    def __init__(self, kind: str, name: str, hint: str = "") -> None:
        self.kind, self.name = kind, name
        super().__init__(f"no {kind} {name!r}" + (f"; {hint}" if hint else ""))


class MissingExtra(UserError):
    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs an optional package: pip install 'memu-like[{extra}]'")


class Conflict(UserError):
    """The stored text is not the one the caller read; `current` is what stands there now.

    `hash` (the sha256 of `current`, as hex) and, of items and events, `rev` are what to expect next time.
    """

    exit_code = 6

    def __init__(self, what: str, current: str, rev: int | None = None) -> None:
        self.current, self.rev = current, rev
        self.hash = hashlib.sha256(current.encode("utf-8", "surrogatepass")).hexdigest()
        says = f"it now says: {current}" if "\n" not in current else "read it again"
        super().__init__(f"{what} has changed since it was read; {says}")


class StorageError(MemuLikeError):
    exit_code = 5

    @classmethod
    def from_os(cls, action: str, path: Path, error: OSError) -> StorageError:
        return cls(f"cannot {action} {path}: {error.strerror or error}; what was acknowledged before is safe")


class StoreBusy(StorageError):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(f"another process has been writing {path} for {seconds:g} s; try again later")


class CorruptFile(StorageError):
    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        self.path, self.line = path, line
        place = str(path) if line is None else f"{path}:{line}"
        super().__init__(f"{place}: {reason}; run `memu-like doctor` to see what can be done")


class Unmergeable(StorageError):
    """A category file whose structure cannot be told; it was left as it is."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        self.path, self.line = path, line
        super().__init__(f"{path}:{line}: {reason}; the file was left as it is")


class FormatTooNew(StorageError):
    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} is in format {found}, and this version reads up to {known}: upgrade memu-like"
        )


class EmbedderError(MemuLikeError):
    exit_code = 7


class GitError(MemuLikeError):
    """What git was asked for could not be done. No file of memory depends on it."""

    exit_code = 9


class RemoteError(MemuLikeError):
    """What was asked of another service, such as one to import from, could not be had."""

    exit_code = 10


class RemoteUnavailable(RemoteError):
    """The service is down, too slow, or refuses the token: the next call would fail alike."""


class ModelError(MemuLikeError):
    """A language model could not be asked, or its answer not used. Nothing of it was stored.

    `usage` is what the call took all the same, where it took anything.
    """

    exit_code = 8
    usage: Usage | None = None


class ModelUnavailable(ModelError):
    """The endpoint is down, too slow, or refuses the key or the model: the next call would fail alike."""


class UnusableReply(ModelError):
    """A reply that could not be used, asked for twice."""


class ToolsRefused(ModelError):
    """The endpoint or the model takes no tools."""


class ContextTooLong(ModelError):
    """The request, or the room asked for its reply, is more than the model takes: again, it would fail."""


class SpendCapReached(ModelError):
    """A cap on tokens or cost is used up."""


class RunsKept(ModelError):
    """Runs that a language model should have made and could not; nothing is lost."""

    def __init__(self, runs: int, reason: str) -> None:
        count = "a run is" if runs == 1 else f"{runs} runs are"
        super().__init__(
            f"{count} kept for later ({reason}); what came in is safe and found by search, and"
            " `memu-like flush --retry` runs on it again"
        )
