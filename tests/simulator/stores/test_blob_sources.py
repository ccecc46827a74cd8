"""Copies from a URL and lists of files, as a plain HTTP client finds them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import requests
from stores_support import Credential, Host

from orchestrator.simulator.services import Kernel
from orchestrator.simulator.stores.blobs import BlobStore

BACKUP = {"x-ms-file-request-intent": "backup"}


@pytest.fixture
def store(kernel: Kernel) -> BlobStore:
    store = BlobStore(kernel, "stlocal", "eastus2")
    store.put("box", "a", b"0123456789", {"owner": "me"})
    store.put_file("share", "top.txt", b"top")
    store.put_file("share", "users/ana/one.ipynb", b"{}")
    return store


@pytest.fixture
def url(store: BlobStore, host: Host) -> str:
    url = host.serve(store.routes())
    store.others = {urlsplit(url).netloc: store}
    return url


@pytest.fixture
def bearer(credential: Credential) -> str:
    return credential.bearer("https://storage.azure.com")["Authorization"]


@pytest.fixture
def http(host: Host, bearer: str) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = host.ca
        session.headers.update({"Authorization": bearer, "x-ms-version": "2025-07-05"})
        yield session


def copied(http: requests.Session, url: str, source: str, query: str = "", **headers: str) -> tuple[int, str]:
    """Status and code of a copy of ``source`` to the blob ``new``; underscores in headers' names stand for hyphens."""
    named = {f"x-ms-{name.replace('_', '-')}": value for name, value in headers.items()}
    sent = {"x-ms-blob-type": "BlockBlob", "x-ms-copy-source": f"{url}/{source}", **named}
    answer = http.put(f"{url}/box/new{query}", data=b"", headers=sent)
    return answer.status_code, answer.headers.get("x-ms-error-code", "")


def test_a_copy_has_content_metadata_and_type_of_its_source(
    url: str, http: requests.Session, store: BlobStore, bearer: str
) -> None:
    assert copied(http, url, "box/a", copy_source_authorization=bearer) == (201, "")
    found, source = store.get("box", "new"), store.get("box", "a")
    assert found is not None
    assert source is not None
    assert (found.data, found.metadata, found.properties) == (source.data, {"owner": "me"}, source.properties)


def test_metadata_that_the_request_names_replace_the_source_s(
    url: str, http: requests.Session, store: BlobStore, bearer: str
) -> None:
    assert copied(http, url, "box/a", copy_source_authorization=bearer, meta_from="here") == (201, "")
    found = store.get("box", "new")
    assert found is not None
    assert found.metadata == {"from": "here"}


def test_a_source_is_read_with_a_token_of_its_own_and_under_its_condition(
    url: str, http: requests.Session, bearer: str
) -> None:
    assert copied(http, url, "box/a") == (401, "CannotVerifyCopySource")
    assert copied(http, url, "box/none", copy_source_authorization=bearer) == (404, "CannotVerifyCopySource")
    stale = {"copy_source_authorization": bearer, "source_if_match": '"0x1"'}
    assert copied(http, url, "box/a", **stale) == (412, "SourceConditionNotMet")
    unknown = {"copy_source": "https://elsewhere.invalid/box/a", "copy_source_authorization": bearer}
    assert copied(http, url, "box/a", **unknown) == (400, "InvalidHeaderValue")


def test_a_block_takes_a_range_of_its_source(url: str, http: requests.Session, store: BlobStore, bearer: str) -> None:
    block = {"copy_source_authorization": bearer, "source_range": "bytes=2-4"}
    assert copied(http, url, "box/a", "?comp=block&blockid=AAAA", **block) == (201, "")
    text = "<BlockList><Latest>AAAA</Latest></BlockList>"
    assert http.put(f"{url}/box/new?comp=blocklist", data=text).status_code == 201
    found = store.get("box", "new")
    assert found is not None
    assert found.data == b"234"


def test_a_file_is_a_source_only_with_the_intent_of_a_backup(
    url: str, http: requests.Session, store: BlobStore, bearer: str
) -> None:
    named = {"copy_source_authorization": bearer}
    assert copied(http, url, "share/top.txt", **named) == (404, "CannotVerifyCopySource")
    assert copied(http, url, "share/top.txt", **named, file_request_intent="backup") == (201, "")
    found = store.get("box", "new")
    assert found is not None
    assert found.data == b"top"


def test_a_share_is_listed_a_directory_and_a_page_at_a_time(url: str, http: requests.Session) -> None:
    listing = f"{url}/share?restype=directory&comp=list&maxresults=1"
    first = ET.fromstring(http.get(listing, headers=BACKUP).content)  # noqa: S314
    assert first.findtext("Entries/File/Name") == "top.txt"
    marker = first.findtext("NextMarker")
    second = ET.fromstring(http.get(f"{listing}&marker={marker}", headers=BACKUP).content)  # noqa: S314
    assert (second.findtext("Entries/Directory/Name"), second.findtext("NextMarker")) == ("users", "")
    inner = http.get(f"{url}/share/users/ana?restype=directory&comp=list", headers=BACKUP)
    assert ET.fromstring(inner.content).findtext("Entries/File/Properties/Content-Length") == "2"  # noqa: S314


@pytest.mark.parametrize(
    ("headers", "path", "expected"),
    [
        ({"x-ms-file-request-intent": "read"}, "share", (400, "InvalidHeaderValue")),
        (BACKUP, "nowhere", (404, "ShareNotFound")),
        (BACKUP, "share/nowhere", (404, "FileNotFound")),
    ],
)
def test_lists_that_are_not_right_are_refused(
    url: str, http: requests.Session, headers: dict[str, str], path: str, expected: tuple[int, str]
) -> None:
    answer = http.get(f"{url}/{path}?restype=directory&comp=list", headers=headers)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == expected


def test_files_need_a_role_of_their_own(url: str, http: requests.Session, kernel: Kernel) -> None:
    kernel.revoke("tester", "*")
    kernel.grant("tester", "blob.read")
    answer = http.get(f"{url}/share?restype=directory&comp=list", headers=BACKUP)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthorizationPermissionMismatch")
