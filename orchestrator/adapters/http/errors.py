"""From the SDK's exceptions to ours, by HTTP status.

The SDK's class names mislead (a 409 "busy" arrives as ``ResourceExistsError``), so only the status, the service's own
error code and its wish to be left alone count:

==============================================  ============================
answer                                          becomes
==============================================  ============================
401, 403                                        ``Forbidden``
404, 410                                        ``NotFound``
409 with a code of a failed condition, 412      ``Conflict``
other 4xx                                       ``Refused``
429, 503 with a Retry-After                     ``Throttled``
408, other 5xx, anything unreadable             ``TemporaryError``
no answer                                       ``Unreachable``
no token                                        ``TemporaryError``
==============================================  ============================
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import msgspec
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)

from orchestrator import metrics
from orchestrator.core.base.errors import (
    Conflict,
    Forbidden,
    HubswitchError,
    NotFound,
    Refused,
    TemporaryError,
    Throttled,
    Unreachable,
)

LONGEST_WISH = 86_400.0
"""Seconds. A Retry-After may hold any number; a larger one counts as a day."""

LONGEST = 300
"""Characters of a service's message that are kept: enough for its first sentences, too few for a body."""

DEEPEST_ERROR = 8
"""Errors within an error that are looked into."""

CONDITION_FAILED = frozenset({"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"})
"""Codes with which a 409 says that If-None-Match or If-Match was not met
(learn.microsoft.com, rest/api/storageservices/blob-service-error-codes)."""

_SIGNATURE = re.compile(r"(?i)\b(sig=)[^&\s\"']+")


class NotWaitedFor(Throttled):
    """A service asked to wait for longer than is waited inside a call. ``response`` is the answer that asked.

    Not one of the SDK's errors: no retry policy on its way up takes it for a reason to try again.
    """

    def __init__(self, response: Any) -> None:
        super().__init__("the service asks to wait", retry_after=retry_after(response.headers))
        self.response = response


@contextmanager
def translate_errors(doing: str) -> Iterator[None]:
    """Turn what the SDK raises in the block, or in the decorated function, into ours.

    Args:
        doing: what was being done, as the beginning of a sentence: ``"reading the epoch record of pair a"``.
    """
    try:
        yield
    except NotWaitedFor as fault:
        raise from_response(fault.response, doing) from fault
    except AzureError as fault:
        raise from_azure(fault, doing) from fault
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, ParseError) as fault:
        # It may be a mistake of ours as well, which nobody would find without the place.
        place = f"{type(fault).__name__} at {_place_of(fault)}"
        raise TemporaryError(
            f"{doing}: the service answered something that is not what was asked for ({place})"
        ) from fault


def _place_of(fault: BaseException) -> str:
    """File and line at which an exception was raised."""
    frames = traceback.extract_tb(fault.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"


def from_azure(fault: AzureError, doing: str) -> HubswitchError:
    """What an SDK's exception amounts to among our errors. The caller chains the two."""
    if isinstance(fault, ClientAuthenticationError) and fault.response is None:
        return TemporaryError(f"{doing}: no token: {shorten(fault.message)}")
    if isinstance(fault, (ServiceRequestError, ServiceResponseError, IncompleteReadError)):
        return Unreachable(f"{doing}: no answer: {shorten(fault.message)}")
    if isinstance(fault, HttpResponseError) and fault.response is not None:
        return from_response(fault.response, doing, fault)
    return TemporaryError(f"{doing}: {shorten(str(fault.message))}")


def from_response(response: Any, doing: str, fault: HttpResponseError | None = None) -> HubswitchError:
    """What an answer that is no success amounts to among our errors."""
    status = int(response.status_code)
    code, message = _read_error(response, fault)
    asked = retry_after(response.headers)
    said = ": ".join(part for part in (code, message) if part)
    host = urlsplit(getattr(response.request, "url", "")).netloc or "the service"
    found = _by_status(status, code, asked, f"{doing}: {host} answered {status}" + (f" ({said})" if said else ""))
    if isinstance(found, Throttled):
        metrics.count(metrics.THROTTLED, host=host)
    return found


def from_status(status: int, headers: Mapping[str, str], doing: str) -> HubswitchError:
    """The same of an answer of which nothing but its head was read."""
    return _by_status(status, "", retry_after(headers), f"{doing}: it answered {status}")


def _by_status(status: int, code: str, asked: timedelta | None, text: str) -> HubswitchError:
    if status in {401, 403}:
        return Forbidden(text)
    if status in {404, 410}:
        return NotFound(text)
    if status == 412 or (status == 409 and code in CONDITION_FAILED):
        return Conflict(text)
    if status == 429 or (status == 503 and asked is not None):
        return Throttled(text, retry_after=asked, of_all=status == 429)
    if 400 <= status < 500 and status != 408:
        return Refused(text, status=status, code=code)
    return TemporaryError(text, retry_after=asked)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """How long the service asks to be left alone, if it says so in one of the ways Azure knows."""
    lower = {name.lower(): text for name, text in headers.items()}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if lower.get(name, "").isdigit():
            return timedelta(milliseconds=min(float(lower[name]), LONGEST_WISH * 1000))
    text = lower.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=min(float(text), LONGEST_WISH))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(timedelta(), until - (now or datetime.now(UTC))) if until.tzinfo else None


def unexpected_answer(doing: str, expected: str, got: str) -> TemporaryError:
    """The error for a success that is not what was asked for: nobody can mend it, and it may be right later."""
    return TemporaryError(f"{doing}: the answer is not what was asked for: expected {expected}, got {got}")


def shorten(text: str, longest: int = LONGEST) -> str:
    """One line without signatures, cut."""
    line = _SIGNATURE.sub(r"\1…", " ".join(str(text).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _read_error(response: Any, fault: HttpResponseError | None) -> tuple[str, str]:
    """The service's own code and message: from JSON if it speaks JSON, else from header and SDK."""
    code = response.headers.get("x-ms-error-code") or str(getattr(fault, "error_code", None) or "")
    try:
        body = msgspec.json.decode(response.text())
    except Exception:  # noqa: BLE001 - a body that cannot be read must not hide the status
        first_line = str(fault.message).strip().split("\n")[0] if fault else ""
        return shorten(code), shorten(first_line)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    if not isinstance(inner, dict):
        return shorten(str(inner)), shorten(str(body.get("error_description", "")))
    said_code = inner.get("code") or code or inner.get("title") or ""
    exact, message = _inner_code(inner), str(inner.get("message") or inner.get("detail") or "")
    return shorten(str(said_code)), shorten(f"{exact}: {message}" if exact and exact != said_code else message)


def _inner_code(error: Mapping[str, Any]) -> str:
    """The innermost code of an error: what tells one ``UserError`` of Azure ML from another. Empty if there is none.

    Resource Manager documents ``innererror`` (learn.microsoft.com, guidelines for errors); Azure ML puts its own into
    ``additionalInfo``.
    """
    return ([*codes_of(_inner_of(error))] or [""])[-1]


def codes_of(error: Any) -> Iterator[str]:
    """The code of an error and of those inside it, the outermost first; none of what is no error."""
    for _ in range(DEEPEST_ERROR):
        if not isinstance(error, Mapping):
            return
        if error.get("code"):
            yield str(error["code"])
        error = _inner_of(error)


def _inner_of(error: Mapping[str, Any]) -> Any:
    for name in ("innererror", "innerError"):
        if error.get(name):
            return error[name]
    more = error.get("additionalInfo")
    for each in more if isinstance(more, list) else ():
        if isinstance(each, Mapping) and each.get("type") == "InnerError" and isinstance(each.get("info"), Mapping):
            return each["info"].get("value")
    return None
