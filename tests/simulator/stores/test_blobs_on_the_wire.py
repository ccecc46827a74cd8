"""Blob storage as a plain HTTP client finds it: what no well-behaved library sends, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
import requests
from stores_support import Credential, Host

from orchestrator.simulator.services import Kernel
from orchestrator.simulator.stores.blobs import BlobStore

LARGE = {"x-ms-meta-a": "x" * 4200, "x-ms-meta-b": "x" * 4200}
VERSION = {"x-ms-version": "2024-11-04"}


@pytest.fixture
def store(kernel: Kernel) -> BlobStore:
    store = BlobStore(kernel, "stlocal", "eastus2")
    store.put("box", "a", b"0123456789", {"Status": "Running"})
    return store


@pytest.fixture
def url(store: BlobStore, host: Host) -> str:
    return host.serve(store.routes())


@pytest.fixture
def http(host: Host, credential: Credential) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = host.ca
        session.headers.update({**credential.bearer("https://storage.azure.com"), **VERSION})
        yield session


def code(answer: requests.Response) -> tuple[int, str]:
    """Status and error code, which must be the same in the body and in its header."""
    if answer.content:
        assert ET.fromstring(answer.content).findtext("Code") == answer.headers["x-ms-error-code"]  # noqa: S314
    return answer.status_code, answer.headers["x-ms-error-code"]


def test_a_request_without_credentials_is_challenged(url: str, host: Host) -> None:
    """401 NoAuthenticationInformation says where a token comes from; old versions get 409 instead."""
    answer = requests.get(f"{url}/box/a", headers=VERSION, verify=host.ca, timeout=60)
    assert code(answer) == (401, "NoAuthenticationInformation")
    assert "resource_id=https://storage.azure.com" in answer.headers["WWW-Authenticate"]
    assert code(requests.get(f"{url}/box/a", verify=host.ca, timeout=60)) == (409, "PublicAccessNotPermitted")


def test_a_shared_key_is_refused(url: str, host: Host) -> None:
    """The account takes tokens and signatures only."""
    headers = {**VERSION, "Authorization": "SharedKey stlocal:c2ln"}
    answer = requests.get(f"{url}/box/a", headers=headers, verify=host.ca, timeout=60)
    assert code(answer) == (403, "KeyBasedAuthenticationNotPermitted")


def test_a_forged_signature_is_refused(url: str, store: BlobStore, host: Host) -> None:
    """A signature covers container, permissions and expiry: change one and it is worthless."""
    store.create_container("other")
    for sas, place in ((store.sas("box", "r").replace("sp=r", "sp=rw"), "box"), (store.sas("box"), "other")):
        answer = requests.get(f"{url}/{place}/a?{sas}", headers=VERSION, verify=host.ca, timeout=60)
        assert code(answer) == (403, "AuthenticationFailed")


def test_ranges_are_read_from_either_header(url: str, http: requests.Session) -> None:
    """206 with the part and where it lies; 416 beyond the end."""
    part = http.get(f"{url}/box/a", headers={"x-ms-range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert http.get(f"{url}/box/a", headers={"Range": "bytes=7-"}).content == b"789"
    assert http.get(f"{url}/box/a", headers={"Range": "bytes=8-99"}).headers["Content-Range"] == "bytes 8-9/10"
    assert code(http.get(f"{url}/box/a", headers={"x-ms-range": "bytes=10-11"})) == (416, "InvalidRange")


def test_a_head_describes_without_sending(url: str, http: requests.Session) -> None:
    """Length, type, lease and metadata are told; no bytes are."""
    answer = http.head(f"{url}/box/a")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "10")
    assert answer.headers["x-ms-meta-status"] == "Running"
    assert answer.headers["x-ms-lease-state"] == "available"
    assert answer.headers["x-ms-version"] == "2024-11-04"
    assert code(http.head(f"{url}/box/none")) == (404, "BlobNotFound")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (400, "MissingRequiredHeader")),
        ({"x-ms-blob-type": "Blob"}, (400, "InvalidHeaderValue")),
        ({"x-ms-blob-type": "PageBlob"}, (501, "NotImplemented")),
        ({"x-ms-blob-type": "BlockBlob", "Content-MD5": "AAAA"}, (400, "Md5Mismatch")),
        ({"x-ms-blob-type": "BlockBlob", "x-ms-tags": "a=b"}, (400, "UnsupportedHeader")),
        ({"x-ms-blob-type": "BlockBlob", "x-ms-meta-": "x"}, (400, "EmptyMetadataKey")),
        (
            {"x-ms-blob-type": "BlockBlob", **LARGE},
            (400, "MetadataTooLarge"),
        ),
        ({"x-ms-blob-type": "BlockBlob", "If-Match": '"a", "b"'}, (400, "MultipleConditionHeadersNotSupported")),
        ({"x-ms-blob-type": "BlockBlob", "x-ms-version": "latest"}, (400, "InvalidHeaderValue")),
        ({"x-ms-blob-type": "BlockBlob", "x-ms-lease-id": "x"}, (412, "LeaseNotPresentWithBlobOperation")),
    ],
)
def test_uploads_that_are_not_right_are_refused(
    url: str, http: requests.Session, store: BlobStore, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Each has the service's own code, and leaves what was there."""
    assert code(http.put(f"{url}/box/a", data=b"new", headers=headers)) == expected
    kept = store.get("box", "a")
    assert kept is not None
    assert kept.data == b"0123456789"


def test_an_upload_must_say_how_long_it_is(url: str, http: requests.Session) -> None:
    """A chunked body has no Content-Length: 411."""
    answer = http.put(f"{url}/box/c", data=iter([b"a", b"b"]), headers={"x-ms-blob-type": "BlockBlob"})
    assert code(answer) == (411, "MissingContentLengthHeader")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("PUT", "/Box?restype=container", (400, "InvalidResourceName")),
        ("PUT", "/b?restype=container", (400, "InvalidResourceName")),
        ("GET", "/none?restype=container&comp=list", (404, "ContainerNotFound")),
        ("GET", "/box", (404, "ResourceNotFound")),
        ("GET", "/box?restype=container&comp=acl", (501, "NotImplemented")),
        ("GET", "/box/a?snapshot=2020-01-01T00:00:00.0000000Z", (501, "NotImplemented")),
        ("GET", "/box?restype=container&comp=list&maxresults=0", (400, "OutOfRangeQueryParameterValue")),
        ("GET", "/box?restype=container&comp=list&maxresults=ten", (400, "InvalidQueryParameterValue")),
        ("GET", "/box?restype=container&comp=list&include=everything", (400, "InvalidQueryParameterValue")),
        ("GET", "/box?restype=container&comp=list&marker=%25%25%25", (400, "OutOfRangeInput")),
        ("PUT", "/box/a?comp=block&blockid=", (400, "InvalidQueryParameterValue")),
        ("PUT", "/box/a?comp=lease", (501, "NotImplemented")),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    url: str, http: requests.Session, method: str, path: str, expected: tuple[int, str]
) -> None:
    """Names, parameters and operations are checked."""
    assert code(http.request(method, url + path)) == expected


def test_a_block_list_names_blocks_that_exist(url: str, http: requests.Session, store: BlobStore) -> None:
    """Staged blocks become a blob in the order of the list; unknown ones and ids of other lengths are refused."""

    def block_list(*entries: str) -> bytes:
        return f"<?xml version='1.0'?><BlockList>{''.join(entries)}</BlockList>".encode()

    place = f"{url}/box/parts"
    assert http.put(f"{place}?comp=block&blockid=QUFB", data=b"one").status_code == 201
    assert http.put(f"{place}?comp=block&blockid=QkJC", data=b"two").status_code == 201
    assert code(http.put(f"{place}?comp=block&blockid=QQ==QQ==", data=b"x")) == (400, "InvalidQueryParameterValue")
    assert code(http.put(f"{place}?comp=block&blockid=QUFBQUFB", data=b"x")) == (400, "InvalidBlobOrBlock")
    assert store.get("box", "parts") is None
    unknown = block_list("<Latest>Q0ND</Latest>")
    assert code(http.put(f"{place}?comp=blocklist", data=unknown)) == (400, "InvalidBlockList")
    assert code(http.put(f"{place}?comp=blocklist", data=b"<Block")) == (400, "InvalidXmlDocument")
    listed = block_list("<Latest>QkJC</Latest>", "<Uncommitted>QUFB</Uncommitted>")
    assert http.put(f"{place}?comp=blocklist", data=listed).status_code == 201
    again = block_list("<Committed>QUFB</Committed>")
    assert http.put(f"{place}?comp=blocklist", data=again).status_code == 201
    assert http.get(place).content == b"one"


def test_no_read_satisfies_a_star(url: str, http: requests.Session) -> None:
    """If-None-Match: * on a read is a mistake, not a condition."""
    answer = http.get(f"{url}/box/a", headers={"If-None-Match": "*"})
    assert code(answer) == (400, "UnsatisfiableCondition")


def test_every_answer_can_be_told_apart(url: str, http: requests.Session) -> None:
    """Request ids differ, and the client's own comes back."""
    answers = [http.get(f"{url}/box/a", headers={"x-ms-client-request-id": "mine"}) for _ in range(2)]
    assert len({answer.headers["x-ms-request-id"] for answer in answers}) == 2
    assert {answer.headers["x-ms-client-request-id"] for answer in answers} == {"mine"}


def test_a_list_never_exceeds_five_thousand(url: str, http: requests.Session, store: BlobStore) -> None:
    """Asking for more gives 5,000 and a marker for the rest."""
    for number in range(5003):
        store.put("many", f"{number:05d}", b"")
    place = f"{url}/many?restype=container&comp=list&maxresults=9999"
    first = ET.fromstring(http.get(place).content)  # noqa: S314
    rest = ET.fromstring(http.get(place, params={"marker": first.findtext("NextMarker") or ""}).content)  # noqa: S314
    assert [len(page.findall("Blobs/Blob")) for page in (first, rest)] == [5000, 3]
    assert not rest.findtext("NextMarker")
