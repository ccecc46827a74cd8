"""Ask the model in the region of the active hub, with litellm's router.

Needs hubswitch-client and litellm. The router has one model group for each region; the group that is asked follows from
the pointer, call by call. With ``fallbacks`` a model that does not answer there is asked in the other region, whichever
hub is active: a model's trouble moves no hub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from azure.identity import DefaultAzureCredential, get_bearer_token_provider
from litellm import Router

from hubswitch_client import ActiveHub

ACCOUNTS = {
    "eastus2": "https://aoai-eastus2.openai.azure.com",
    "westus3": "https://aoai-westus3.openai.azure.com",
}
STORES = ["https://appcs-hubswitch.azconfig.io", "https://appcs-hubswitch-westus3.azconfig.io"]


def make_router(accounts: Mapping[str, str], tokens: Callable[[], str], model: str = "gpt-4o") -> Router:
    """A router with the groups ``<model>-<region>``, each of which falls back to the others.

    Args:
        accounts: region -> endpoint of the account there.
        tokens: gives a token of Entra ID.
        model: name of the deployment in each account.
    """
    groups = [
        {
            "model_name": f"{model}-{region}",
            "litellm_params": {
                "model": f"azure/{model}",
                "api_base": url,
                "api_version": "2024-10-21",
                "azure_ad_token_provider": tokens,
            },
        }
        for region, url in accounts.items()
    ]
    names = [str(group["model_name"]) for group in groups]
    fallbacks: list[dict[str, list[str]]] = [{name: [each for each in names if each != name]} for name in names]
    return Router(model_list=groups, fallbacks=fallbacks, num_retries=0)


def complete(router: Router, hub: ActiveHub, messages: list[dict[str, str]], model: str = "gpt-4o") -> Any:
    """The answer of the model in the region of the active hub."""
    return router.completion(model=f"{model}-{hub.current().region}", messages=messages)


if __name__ == "__main__":
    token_provider = get_bearer_token_provider(DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default")
    with ActiveHub("vision", STORES, refresh=30) as active_hub:
        answer = complete(
            make_router(ACCOUNTS, token_provider), active_hub, [{"role": "user", "content": "Say hello."}]
        )
        print(answer.choices[0].message.content)
