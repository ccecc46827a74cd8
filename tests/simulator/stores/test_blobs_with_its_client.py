"""Blob storage as azure-storage-blob finds it, over HTTPS with a token credential."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ResourceNotModifiedError,
)
from azure.storage.blob import (
    BlobPrefix,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    ContentSettings,
    generate_blob_sas,
    generate_container_sas,
)
from stores_support import Credential, Host

from orchestrator.simulator.services import Kernel
from orchestrator.simulator.stores.blobs import BlobStore


def _bytes(size: int) -> bytes:
    """Bytes of which no two blocks are alike."""
    return b"".join(number.to_bytes(4) for number in range(size // 4 + 1))[:size]


@pytest.fixture
def store(kernel: Kernel) -> BlobStore:
    store = BlobStore(kernel, "stlocal", "eastus2")
    store.create_container("box")
    return store


@pytest.fixture
def service(store: BlobStore, host: Host, credential: Credential) -> Iterator[BlobServiceClient]:
    url = host.serve(store.routes())
    with BlobServiceClient(
        url,
        credential=credential,
        connection_verify=host.ca,
        retry_total=0,
        max_single_put_size=64 * 1024,
        max_block_size=16 * 1024,
        max_single_get_size=32 * 1024,
        max_chunk_get_size=16 * 1024,
    ) as client:
        yield client


@pytest.fixture
def box(service: BlobServiceClient) -> ContainerClient:
    return service.get_container_client("box")


def test_what_was_uploaded_is_what_is_downloaded(box: ContainerClient) -> None:
    """A small blob comes back with its bytes, metadata and content type."""
    box.upload_blob(
        "a/b c.json",
        b"{}",
        metadata={"status": "Running", "priority": "5"},
        content_settings=ContentSettings(content_type="application/json"),
    )
    blob = box.download_blob("a/b c.json")
    assert blob.readall() == b"{}"
    assert blob.properties.metadata == {"status": "Running", "priority": "5"}
    assert blob.properties.content_settings.content_type == "application/json"


def test_a_large_blob_travels_in_blocks_and_ranges(box: ContainerClient, store: BlobStore) -> None:
    """Uploads beyond the client's limit are staged in blocks, downloads read in ranges; nothing is lost."""
    data = _bytes(200_001)
    box.upload_blob("large", data, max_concurrency=4)
    kept = store.get("box", "large")
    assert kept is not None
    assert len(kept.blocks) == 13
    assert box.download_blob("large", max_concurrency=4).readall() == data
    assert box.download_blob("large", offset=70_000, length=10).readall() == data[70_000:70_010]


def test_an_empty_blob_can_be_read(box: ContainerClient) -> None:
    """The client's first range does not exist in an empty blob; it copes because it is told 416."""
    box.upload_blob("empty", b"")
    assert box.download_blob("empty").readall() == b""


def test_content_is_checked_against_its_md5(box: ContainerClient) -> None:
    """The client's checksum of what it sends, and the store's of what it returns, agree."""
    data = _bytes(50_000)
    box.upload_blob("checked", data, validate_content="md5")
    assert box.download_blob("checked", validate_content="md5").readall() == data


def test_a_blob_that_must_be_new_is_refused_if_it_exists(box: ContainerClient) -> None:
    """If-None-Match: * on an existing blob is a conflict: 409 BlobAlreadyExists."""
    box.upload_blob("once", b"1", overwrite=False)
    with pytest.raises(ResourceExistsError) as caught:
        box.upload_blob("once", b"2", overwrite=False)
    assert (caught.value.status_code, caught.value.error_code) == (409, "BlobAlreadyExists")


def test_a_write_under_an_old_etag_is_refused(box: ContainerClient) -> None:
    """If-Match with an ETag that is no longer current: 412 ConditionNotMet, and nothing is written."""
    client = box.get_blob_client("epoch.json")
    old = client.upload_blob(b"1")["etag"]
    new = client.upload_blob(b"2", etag=old, match_condition=MatchConditions.IfNotModified, overwrite=True)["etag"]
    assert new != old
    with pytest.raises(ResourceModifiedError) as caught:
        client.upload_blob(b"3", etag=old, match_condition=MatchConditions.IfNotModified, overwrite=True)
    assert (caught.value.status_code, caught.value.error_code) == (412, "ConditionNotMet")
    assert client.download_blob().readall() == b"2"


def test_an_unchanged_blob_is_not_sent_again(box: ContainerClient) -> None:
    """If-None-Match with the current ETag: 304."""
    client = box.get_blob_client("same")
    etag = client.upload_blob(b"1")["etag"]
    with pytest.raises((ResourceNotModifiedError, HttpResponseError)) as caught:
        client.download_blob(etag=etag, match_condition=MatchConditions.IfModified)
    assert caught.value.status_code == 304


def test_a_condition_on_a_missing_blob_is_not_met(box: ContainerClient) -> None:
    """If-Match cannot hold for what is not there."""
    with pytest.raises(ResourceModifiedError) as caught:
        box.upload_blob("none", b"1", etag="0x1", match_condition=MatchConditions.IfNotModified, overwrite=True)
    assert caught.value.status_code == 412


def test_times_are_conditions_too(box: ContainerClient) -> None:
    """If-Unmodified-Since a time before the last change is not met."""
    box.upload_blob("timed", b"1")
    past = datetime.now(UTC) - timedelta(days=1)
    with pytest.raises(ResourceModifiedError):
        box.delete_blob("timed", if_unmodified_since=past)
    box.delete_blob("timed", if_modified_since=past)


def test_eight_writers_with_conditions_lose_no_increment(box: ContainerClient) -> None:
    """A counter that is only changed under If-Match counts every increment of eight threads."""
    client = box.get_blob_client("counter")
    client.upload_blob(b"0")

    def add(times: int) -> None:
        done = 0
        while done < times:
            read = client.download_blob()
            value, etag = int(read.readall()), read.properties.etag
            try:
                client.upload_blob(
                    str(value + 1).encode(), etag=etag, match_condition=MatchConditions.IfNotModified, overwrite=True
                )
            except ResourceModifiedError:
                continue
            done += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, [6] * 8))
    assert int(client.download_blob().readall()) == 48


def test_only_one_of_many_creators_wins(box: ContainerClient) -> None:
    """Of eight threads that create the same blob at once, one succeeds."""

    def create(value: int) -> bool:
        try:
            box.upload_blob("claim", str(value).encode(), overwrite=False)
        except ResourceExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_of_a_list_cover_everything_once(box: ContainerClient, store: BlobStore, size: int) -> None:
    """Whatever the page size, the pages together are all names with the prefix, sorted, without doubles."""
    names = {f"p/jobs/{n * 7919 % 1000:03d}-ä&<{n % 3}>.json" for n in range(60)}
    for name in [*names, "p/epoch.json", "q/jobs/x.json"]:
        store.put("box", name, b"x", {"status": name[-7]})
    pages = [[blob.name for blob in page] for page in box.list_blobs("p/jobs/", results_per_page=size).by_page()]
    assert [name for page in pages for name in page] == sorted(names)
    assert {len(page) for page in pages[:-1]} <= {size}


def test_a_list_carries_metadata_where_asked(box: ContainerClient, store: BlobStore) -> None:
    """include=metadata spares reading the blobs."""
    store.put("box", "j/1", b"body", {"status": "Running", "hub": "a<b"})
    told = next(iter(box.list_blobs("j/", include=["metadata"])))
    assert told.metadata == {"status": "Running", "hub": "a<b"}
    assert (told.size, told.etag) == (4, box.get_blob_client("j/1").get_blob_properties().etag.strip('"'))
    assert next(iter(box.list_blobs("j/"))).metadata in ({}, None)


def test_a_delimiter_folds_names_into_prefixes(box: ContainerClient, store: BlobStore) -> None:
    """Walking with a delimiter shows one level, in pages that neither repeat nor skip a prefix."""
    for name in ("a/1", "a/2", "b/1", "b/c/2", "top", "z/9"):
        store.put("box", name, b"")
    found = [item.name for page in box.walk_blobs(results_per_page=2).by_page() for item in page]
    assert sorted(found) == ["a/", "b/", "top", "z/"]
    kinds = {item.name: isinstance(item, BlobPrefix) for item in box.walk_blobs("b/")}
    assert kinds == {"b/1": False, "b/c/": True}


def test_metadata_can_be_replaced_under_a_condition(box: ContainerClient) -> None:
    """Set Blob Metadata replaces all of it and changes the ETag; names are read without regard to case."""
    client = box.get_blob_client("m")
    first = client.upload_blob(b"x", metadata={"Status": "Queued"})["etag"]
    second = client.set_blob_metadata(
        {"Status": "Done", "epoch": "2"}, etag=first, match_condition=MatchConditions.IfNotModified
    )["etag"]
    assert second != first
    assert client.get_blob_properties().metadata == {"Status": "Done", "epoch": "2"}
    with pytest.raises(ResourceModifiedError):
        client.set_blob_metadata({}, etag=first, match_condition=MatchConditions.IfNotModified)


@pytest.mark.parametrize("name", ["has-dash", "1st", "a.b"])
def test_metadata_names_must_be_identifiers(box: ContainerClient, name: str) -> None:
    """What is no C# identifier is refused: 400 InvalidMetadata."""
    with pytest.raises(HttpResponseError) as caught:
        box.upload_blob("m", b"", metadata={name: "x"})
    assert (caught.value.status_code, caught.value.error_code) == (400, "InvalidMetadata")


def test_containers_are_made_once(service: BlobServiceClient) -> None:
    """A second creation is a conflict; a deleted container is gone with its blobs."""
    service.create_container("new-box", metadata={"purpose": "test"}).upload_blob("a", b"1")
    with pytest.raises(ResourceExistsError) as caught:
        service.create_container("new-box")
    assert caught.value.error_code == "ContainerAlreadyExists"
    assert [each.name for each in service.list_containers()] == ["box", "new-box"]
    assert service.get_container_client("new-box").get_container_properties().metadata == {"purpose": "test"}
    service.delete_container("new-box")
    with pytest.raises(ResourceNotFoundError) as missing:
        service.get_blob_client("new-box", "a").download_blob()
    assert missing.value.error_code == "ContainerNotFound"


def test_deleted_blobs_are_gone(box: ContainerClient) -> None:
    """Deleting works once, then the blob is not found."""
    box.upload_blob("gone", b"1")
    box.delete_blob("gone")
    assert not box.get_blob_client("gone").exists()
    with pytest.raises(ResourceNotFoundError):
        box.delete_blob("gone")


def test_a_signature_opens_one_container(store: BlobStore, service: BlobServiceClient, host: Host) -> None:
    """A SAS lets its bearer read, write and list, and is the same as the one that the client library makes."""
    url = service.url.rstrip("/")
    with ContainerClient.from_container_url(f"{url}/box?{store.sas('box')}", connection_verify=host.ca) as client:
        client.upload_blob("by-sas", b"1")
        assert [blob.name for blob in client.list_blobs()] == ["by-sas"]
    made = generate_container_sas(
        "stlocal",
        "box",
        store.key,
        permission=ContainerSasPermissions(read=True),
        expiry=datetime.now(UTC) + timedelta(minutes=5),
    )
    with ContainerClient.from_container_url(f"{url}/box?{made}", connection_verify=host.ca) as client:
        assert client.download_blob("by-sas").readall() == b"1"


@pytest.mark.parametrize(
    ("given", "code"),
    [(("rl", 1), "AuthorizationPermissionMismatch"), (("racwl", -1), "AuthenticationFailed")],
)
def test_a_signature_gives_no_more_than_it_says(
    store: BlobStore, service: BlobServiceClient, host: Host, given: tuple[str, int], code: str
) -> None:
    """A missing permission and an expiry in the past are both 403."""
    permissions, minutes = given
    sas = store.sas("box", permissions, datetime.now(UTC) + timedelta(minutes=minutes))
    url = f"{service.url.rstrip('/')}/box?{sas}"
    with (
        ContainerClient.from_container_url(url, connection_verify=host.ca, retry_total=0) as client,
        pytest.raises(HttpResponseError) as caught,
    ):
        client.upload_blob("x", b"1")
    assert (caught.value.status_code, caught.value.error_code) == (403, code)


def test_a_signature_that_may_create_may_not_overwrite(
    store: BlobStore, service: BlobServiceClient, host: Host
) -> None:
    """``c`` without ``w`` makes new blobs only."""
    url = f"{service.url.rstrip('/')}/box?{store.sas('box', 'c')}"
    with ContainerClient.from_container_url(url, connection_verify=host.ca, retry_total=0) as client:
        client.upload_blob("fresh", b"1")
        with pytest.raises(HttpResponseError) as caught:
            client.upload_blob("fresh", b"2", overwrite=True)
    assert caught.value.error_code == "AuthorizationPermissionMismatch"


def test_an_identity_without_the_role_is_refused(kernel: Kernel, store: BlobStore, host: Host) -> None:
    """A reader may read and not write: 403 AuthorizationPermissionMismatch."""
    kernel.grant("reader", "blob.read")
    store.put("box", "a", b"1")
    url = host.serve(store.routes())
    reader = Credential(kernel, "reader")
    with BlobServiceClient(url, credential=reader, connection_verify=host.ca, retry_total=0) as client:
        box = client.get_container_client("box")
        assert box.download_blob("a").readall() == b"1"
        with pytest.raises(HttpResponseError) as caught:
            box.upload_blob("a", b"2", overwrite=True)
    assert (caught.value.status_code, caught.value.error_code) == (403, "AuthorizationPermissionMismatch")
    assert set(reader.scopes) == {"https://storage.azure.com/.default"}


def test_a_token_for_another_audience_is_refused(kernel: Kernel, store: BlobStore, host: Host) -> None:
    """A token for Resource Manager is none for storage: 401 with a challenge."""
    url = host.serve(store.routes())
    stranger = Credential(kernel, audience="https://management.azure.com")
    with (
        BlobServiceClient(url, credential=stranger, connection_verify=host.ca, retry_total=0) as client,
        pytest.raises(ClientAuthenticationError) as caught,
    ):
        client.get_container_client("box").download_blob("a")
    assert (caught.value.status_code, caught.value.error_code) == (401, "InvalidAuthenticationInfo")


def test_a_signature_of_one_blob_opens_no_other(store: BlobStore, service: BlobServiceClient, host: Host) -> None:
    """``sr=b`` covers the name, blanks and all."""
    sas = generate_blob_sas(
        account_name="stlocal",
        container_name="box",
        blob_name="a folder/x.bin",
        account_key=store.key,
        permission=BlobSasPermissions(create=True, write=True),
        expiry=datetime.now(UTC) + timedelta(minutes=5),
        protocol="https",
    )
    url = f"{service.url.rstrip('/')}/box?{sas}"
    with ContainerClient.from_container_url(url, connection_verify=host.ca, retry_total=0) as client:
        client.upload_blob("a folder/x.bin", b"1", overwrite=True)
        with pytest.raises(HttpResponseError) as caught:
            client.upload_blob("a folder/y.bin", b"2")
    assert caught.value.error_code == "AuthenticationFailed"
    assert store.names("box") == ["a folder/x.bin"]
