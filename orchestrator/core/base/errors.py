"""Errors that answer two questions: may it be tried again, and whose turn is it?

::

    HubswitchError
    +-- TemporaryError            again, later (``retry_after`` if the service said when)
    |   +-- Throttled             the service asked us to slow down
    |   +-- Unreachable           no answer: refused, timed out, name not resolved
    |   +-- Conflict              somebody else wrote in between: read again, then decide
    |   +-- TurnedAway            nothing was tried: this process had no place for it
    +-- PermanentError            never again with the same input
    |   +-- Refused               the service understood and said no (4xx)
    |   +-- NotFound              the thing is not there
    |   +-- Forbidden             401 or 403: our identity may not ask
    |   +-- EpochFenced           a newer epoch exists, or another run holds this one
    |   +-- NotNow                a person's command makes no sense, or is held back, as things stand
    |   +-- OrderExpired          the evidence behind the order is too old to act on
    |   +-- RunAborted            a person aborted this run before it had claimed its epoch
    +-- InvalidInput              somebody must mend what was given to us
        +-- UnknownField          a field that this version does not know
        +-- UnknownShape          stored data of a schema this version does not know
"""

from __future__ import annotations

from datetime import timedelta


class HubswitchError(Exception):
    """Base of every error raised on purpose."""

    def __repr__(self) -> str:
        """``Class: sentence``: hosts tell the engine an error's class from one of its two spellings."""
        return f"{type(self).__name__}: {self}"


class TemporaryError(HubswitchError):
    """The same call may succeed later.

    ``retry_after`` is the service's own wish, or None.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(TemporaryError):
    """The service asks for a pause.

    ``of_all`` is true if it counts our requests (429), and false if what was asked is busy (503 with a Retry-After):
    others may be asked meanwhile.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None, of_all: bool = True) -> None:
        super().__init__(message, retry_after=retry_after)
        self.of_all = of_all


class Unreachable(TemporaryError):
    """Nothing answered: connection refused, reset, timed out, or the name did not resolve."""


class TurnedAway(TemporaryError):
    """Nothing was tried: work of this kind takes all places that this process has for it."""


class Conflict(TemporaryError):
    """A conditional write lost: what was read is no longer what is there."""


class PermanentError(HubswitchError):
    """The same call will fail again."""


class Refused(PermanentError):
    """The service answered 4xx. ``status`` is the HTTP status, ``code`` the service's own word."""

    def __init__(self, message: str, *, status: int = 400, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NotFound(PermanentError):
    """404: the thing asked for is not there."""


class Forbidden(PermanentError):
    """401 or 403: our identity may not ask. Says nothing about the health of what was asked."""


class EpochFenced(PermanentError):
    """This run no longer holds, or never held, the epoch it acts for. It must stop at once."""


class OrderExpired(PermanentError):
    """The order rests on evidence that has died since; acting on it now could be wrong."""


class RunAborted(PermanentError):
    """A person aborted this run before it had claimed its epoch. It must stop; nothing was switched."""


class NotNow(PermanentError):
    """A person's command cannot be carried out as things stand. The message is a sentence for that person."""


class InvalidInput(HubswitchError):
    """Input that somebody has to mend.

    Args:
        where: the file, request or stored object.
        field: the field inside it, as a dotted or JSON path; empty for the whole.
        expected: what would have been accepted.
        got: what was there, already shortened.
    """

    def __init__(self, where: str, field: str, expected: str, got: str) -> None:
        self.where = where
        self.field = field
        self.expected = expected
        self.got = got
        place = f"{where}: {field}" if field else where
        super().__init__(f"{place}: expected {expected}, got {got}")


class UnknownField(InvalidInput):
    """A field that this version does not know.

    Args:
        where: as for ``InvalidInput``, and so is ``field``.
        field: the field, with the keys of objects on the way to it.
        place: the way to what holds it, in which ``[...]`` stands for any key of an object.
        name: its name there.
    """

    def __init__(self, where: str, field: str, place: str, name: str) -> None:
        super().__init__(where, field, "a field that is known here", "an unknown field")
        self.place = place
        self.name = name


class UnknownShape(InvalidInput):
    """Stored data of which this version does not know the schema number, or a field. It is left as it is."""
