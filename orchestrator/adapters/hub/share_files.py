"""Files of a share: listed and looked at by the REST API of Azure Files, never written.

With a token Azure Files answers only requests that declare their intent as ``backup`` (learn.microsoft.com,
rest/api/storageservices/authorize-with-azure-active-directory: ``x-ms-file-request-intent``); the role is Storage File
Data Privileged Reader.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.fileshare import ShareClient

from orchestrator.adapters.http.errors import unexpected_answer
from orchestrator.adapters.http.one_host import OneHostTransport
from orchestrator.adapters.http.transport import NO_RETRY, BoundedTransport
from orchestrator.core.base.codec import decode, encode
from orchestrator.core.base.errors import InvalidInput, Refused
from orchestrator.core.jobs.copy_state import BlobFacts
from orchestrator.ports import BlobPage, ContainerPlace

PAGE = 1000
"""Entries of a page."""

INTENT: Literal["backup"] = "backup"
MISSING_SHARE = "ShareNotFound"


class _Token(msgspec.Struct, forbid_unknown_fields=True):
    """Where a walk goes on: directories that are still to be listed, and the place within the first of them."""

    folders: list[str]
    marker: str = ""


class ShareFiles:
    """The files of one share.

    Args:
        place: ``url`` is the account's file endpoint, ``container`` the share.
        credential: the executor.
        transport: the process's transport.
    """

    def __init__(self, place: ContainerPlace, credential: TokenCredential, transport: BoundedTransport) -> None:
        self._share = ShareClient(
            place.url,
            place.container,
            credential=credential,
            token_intent=INTENT,
            transport=OneHostTransport(transport, place.url),
            **NO_RETRY,
        )

    def page(self, token: str) -> BlobPage:
        """Files of one page of one directory, in the order of names; directories are walked one behind another.

        Raises:
            Refused: the token is none.
            AzureError: what the service says.
        """
        try:
            place = decode(token.encode(), _Token, "a place in a list") if token else _Token([""])
        except InvalidInput as fault:
            raise Refused(str(fault)) from fault
        folder, rest = place.folders[0], place.folders[1:]
        pages = (
            self._share.get_directory_client(folder)
            .list_directories_and_files(
                results_per_page=PAGE, include=["timestamps", "Etag"], include_extended_info=True
            )
            .by_page(place.marker or None)
        )
        listed: list[Any] = list(next(pages, ()))
        marker = str(getattr(pages, "continuation_token", None) or "")
        below = [_join(folder, each.name) for each in listed if each.is_directory]
        files = sorted(_facts(each, _join(folder, each.name)) for each in listed if not each.is_directory)
        folders = [folder, *below, *rest] if marker else [*below, *rest]
        following = encode(_Token(folders, marker)).decode() if folders else ""
        return BlobPage(files, following)

    def look(self, name: str) -> BlobFacts | None:
        """One file; None if there is none."""
        try:
            return _facts(self._share.get_file_client(name).get_file_properties(), name)
        except ResourceNotFoundError as fault:
            if getattr(fault, "error_code", None) == MISSING_SHARE:
                raise
            return None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _facts(file: Any, path: str) -> BlobFacts:
    """What is known of a file. Writing through SMB changes the time of writing first, and ``Last-Modified`` later."""
    known = [each for each in (file.last_write_time, file.last_modified) if isinstance(each, datetime)]
    if not (file.etag and known):
        raise unexpected_answer("reading of a file", "its ETag and the time of its last change", repr(path)[:100])
    return BlobFacts(
        name=path,
        etag=str(file.etag).strip('"'),
        modified=max(known),
        size=int(file.size or 0),
        metadata={},
        content={},
    )
