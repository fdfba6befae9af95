"""
Every error this package raises on purpose, in one tree.

::

    MosaicoError
    ├── UsageError                the caller's arguments or settings are wrong          (CLI exit code 2)
    │   ├── NameRefusedError      a sequence, session or topic name the platform refuses
    │   └── ExpressionError       an expression of a mapping cannot be used           .text .at
    ├── SourceError               a recording cannot be opened or read                  .path .offset
    │   └── UnknownFormatError    no source plugin recognises it
    ├── PlanError                 a recording cannot be planned: a conflict, or nothing to store
    ├── PluginError               a plugin broke a rule or failed                       .plugin .stage
    ├── DecodeError               a definition or payload cannot be decoded             .reason
    ├── SchemaMismatchError       columns do not fit the ontology type                  .field .expected .got
    ├── RecordTooLargeError       a single row is larger than the server takes
    ├── StateError                a writer, handler or client is used in the wrong state
    ├── StoreError                the embedded server cannot use its store              .path
    │   ├── StoreLockedError      another server holds it
    │   └── StoreFullError        no space is left
    └── RemoteError               a server refused or failed                            .code
        ├── UnreachableError      no server answers                                     transient
        ├── TimedOutError         it did not answer in time                             transient
        ├── NotFoundError
        ├── AlreadyExistsError
        ├── UnauthorizedError
        ├── InvalidRequestError
        ├── PreconditionError
        └── ServerFaultError

``transient`` is a fact of the class: True where the same call may succeed later.
Messages say what failed, the value, what was expected and what to do, and end with a full stop.

Must not know: anything else of this package.
Next: `mosaico_ingest.plugin`.
"""

from pathlib import Path
from typing import ClassVar

__all__ = [
    "AlreadyExistsError",
    "DecodeError",
    "ExpressionError",
    "InvalidRequestError",
    "MosaicoError",
    "NameRefusedError",
    "NotFoundError",
    "PlanError",
    "PluginError",
    "PreconditionError",
    "RecordTooLargeError",
    "RemoteError",
    "SchemaMismatchError",
    "ServerFaultError",
    "SourceError",
    "StateError",
    "StoreError",
    "StoreFullError",
    "StoreLockedError",
    "TimedOutError",
    "UnauthorizedError",
    "UnknownFormatError",
    "UnreachableError",
    "UsageError",
]


class MosaicoError(Exception):
    """The root: catching it catches all that this package raises on purpose."""

    transient: ClassVar[bool] = False


class UsageError(MosaicoError):
    """The caller's arguments or settings are wrong; nothing was done."""


class NameRefusedError(UsageError, ValueError):
    """A sequence, session or topic name that the platform refuses."""


class ExpressionError(UsageError):
    """
    An expression cannot be read, or not be used on the columns that there are.

    Args:
        text: The expression.
        at: Index of the character where the fault is.
        what: The fault, in a few words.
    """

    def __init__(self, text: str, at: int, what: str) -> None:
        shown = text if len(text) <= 80 else f"{text[:77]}…"
        super().__init__(f"The expression {shown!r}, at character {at + 1}: {what}.")
        self.text, self.at, self.what = text, at, what


class SourceError(MosaicoError):
    """A recording cannot be opened or read at all (damage inside one is data, not an error)."""

    def __init__(
        self, message: str, *, path: Path | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.path = path
        self.offset = offset


class UnknownFormatError(SourceError):
    """No installed source plugin recognises the file."""


class PlanError(MosaicoError):
    """A recording cannot be planned: plugins tie, names clash, or no channel is left to store."""


class PluginError(MosaicoError):
    """A plugin failed or broke a rule of its contract; names who and in which stage."""

    def __init__(self, message: str, *, plugin: str, stage: str) -> None:
        super().__init__(message)
        self.plugin = plugin
        self.stage = stage


class DecodeError(MosaicoError):
    """A message definition cannot be compiled, or a payload does not follow it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SchemaMismatchError(MosaicoError, ValueError):
    """Pushed columns do not fit the ontology type of their topic."""

    def __init__(self, message: str, *, field: str, expected: str, got: str) -> None:
        super().__init__(message)
        self.field = field
        self.expected = expected
        self.got = got


class RecordTooLargeError(MosaicoError):
    """A single row is larger than the server takes in one message."""


class StateError(MosaicoError):
    """A writer, handler or client is used after it ended, or before it began."""


class StoreError(MosaicoError):
    """The embedded server cannot use its store."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class StoreLockedError(StoreError):
    """Another server process holds the store."""


class StoreFullError(StoreError):
    """No space is left where the store lives."""


class RemoteError(MosaicoError):
    """A server refused a call or failed in it."""

    code: ClassVar[str] = "unknown"


class UnreachableError(RemoteError):
    """No Mosaico server answers at the address."""

    transient = True
    code = "unavailable"


class TimedOutError(RemoteError):
    """The server did not answer in time."""

    transient = True
    code = "deadline_exceeded"


class NotFoundError(RemoteError, KeyError):
    """The sequence, session, topic or key does not exist."""

    code = "not_found"

    def __str__(self) -> str:
        return Exception.__str__(self)  # KeyError would quote the sentence


class AlreadyExistsError(RemoteError):
    """The name is taken."""

    code = "already_exists"


class UnauthorizedError(RemoteError):
    """The API key is missing, wrong, expired or too weak."""

    code = "permission_denied"


class InvalidRequestError(RemoteError, ValueError):
    """The server cannot make sense of the request."""

    code = "invalid_argument"


class PreconditionError(RemoteError):
    """The resource is in another state than the call needs (finalized, uploading, empty)."""

    code = "failed_precondition"


class ServerFaultError(RemoteError):
    """The server failed by itself."""

    code = "internal"
