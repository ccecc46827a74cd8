"""Secrets of channels: a plan names an app setting; its value is read when it is needed, never kept, never shown."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.text import is_https_url


def secret_of(environment: Mapping[str, str], setting: str, what: str) -> str:
    """The value of an app setting.

    Raises:
        InvalidInput: it is not there or empty; names the setting and ``what`` was to be in it.
    """
    secret = environment.get(setting, "").strip()
    if not secret:
        raise InvalidInput(f"the app setting {setting}", "", what, "nothing")
    return secret


def secret_url_of(environment: Mapping[str, str], setting: str, what: str) -> str:
    """The same of a URL that is a secret.

    Raises:
        InvalidInput: it is not there, or no https URL. It is not repeated.
    """
    url = secret_of(environment, setting, what)
    if not is_https_url(url):
        raise InvalidInput(f"the app setting {setting}", "", f"{what}, beginning with https", "something else")
    return url
