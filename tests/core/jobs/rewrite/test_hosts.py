"""A host is Azure's only if it ends like one of Azure's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.jobs.rewrite import rewrite
from orchestrator.core.jobs.rewrite.name_map import JobMap

type MakeMap = Callable[..., JobMap]
type MakeJob = Callable[..., dict[str, Any]]

TABLES = {
    "registries": {"crx": "cry"},
    "storage_accounts": {"stx": "sty"},
    "endpoints": {
        "score.northeurope.inference.ml.azure.com": "score.francecentral.inference.ml.azure.com",
        "kvx.vault.azure.net": "kvy.vault.azure.net",
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "crx.azurecr.io.mirror.example/img:1",
        "https://crx.azurecr.io-mirror.example/v2",
        "crx.azurecr.io@mirror.example/img",
        "crx.azurecr.io:token@mirror.example/img",
        "notcrx-azurecr.io/img",
        "https://stx.blob.core.windows.net.mirror.example/c/p",
        "https://stx.blob.core.windows.net@mirror.example/c/p",
        "https://stx.blob.core.windows.network/c/p",
        "https://kvx.vault.azure.net.mirror.example/secrets/s",
        "https://score.northeurope.inference.ml.azure.com.mirror.example/score",
        "https://northeurope.api.azureml.ms.mirror.example/x",
    ],
)
@pytest.mark.parametrize("tables", [{}, TABLES])
def test_a_host_that_only_begins_like_azures_is_left_alone(
    text: str, tables: dict[str, Any], make_map: MakeMap, command: MakeJob
) -> None:
    """It is nobody's registry, storage, vault or endpoint: no change, and nothing that a person must map."""
    body = command(environmentVariables={"WHERE": text})
    result = rewrite(body, make_map(**tables))
    assert (result.body, result.unmapped, result.rewritten) == (body, (), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CRX.azurecr.io:443/img", "cry.azurecr.io:443/img"),
        ("crx.azurecr.io./img", "cry.azurecr.io./img"),
        ("robot:secret@crx.azurecr.cn/img", "robot:secret@cry.azurecr.cn/img"),
        ("crx.privatelink.azurecr.io/img", "cry.privatelink.azurecr.io/img"),
        ("https://stx.blob.core.windows.net.:443/c/p", "https://sty.blob.core.windows.net.:443/c/p"),
        ("https://STX.dfs.core.usgovcloudapi.net/c/p", "https://sty.dfs.core.usgovcloudapi.net/c/p"),
        ("https://stx.privatelink.blob.core.windows.net/c", "https://sty.privatelink.blob.core.windows.net/c"),
        ("abfss://fs@stx.dfs.core.chinacloudapi.cn/a", "abfss://fs@sty.dfs.core.chinacloudapi.cn/a"),
        ("https://kvx.vault.azure.net./secrets/s", "https://kvy.vault.azure.net./secrets/s"),
        (
            "https://score.northeurope.inference.ml.azure.com:443/score",
            "https://score.francecentral.inference.ml.azure.com:443/score",
        ),
    ],
)
def test_a_host_of_azures_is_mapped_in_every_spelling(
    text: str, expected: str, make_map: MakeMap, command: MakeJob
) -> None:
    """With a port, a user's name, a trailing dot, capitals, a private address, and in every cloud."""
    result = rewrite(command(environmentVariables={"WHERE": text}), make_map(**TABLES))
    assert (result.body["properties"]["environmentVariables"]["WHERE"], result.unmapped) == (expected, ())


@pytest.mark.parametrize(
    "host", ["v.vault.azure.cn", "v.vault.usgovcloudapi.net", "v.vaultcore.azure.net", "o.openai.azure.us"]
)
def test_a_resource_outside_the_workspace_is_told_in_every_cloud(
    host: str, make_map: MakeMap, command: MakeJob
) -> None:
    """It stays, and the report says where."""
    result = rewrite(command(environmentVariables={"WHERE": f"https://{host}/x"}), make_map())
    assert [stayed.path for stayed in result.kept] == ["/properties/environmentVariables/WHERE"]
