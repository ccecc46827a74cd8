"""Ask the model in the region of the active hub, with the openai package.

Needs hubswitch-client and openai. Each region has an account with a deployment of one name; which of them is asked
follows from the pointer, call by call, so that a switch needs no restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from azure.identity import DefaultAzureCredential, get_bearer_token_provider
from openai import OpenAI

from hubswitch_client import ActiveHub

ACCOUNTS = {
    "eastus2": "https://aoai-eastus2.openai.azure.com/openai/v1/",
    "westus3": "https://aoai-westus3.openai.azure.com/openai/v1/",
}
STORES = ["https://appcs-hubswitch.azconfig.io", "https://appcs-hubswitch-westus3.azconfig.io"]


class RegionalModels:
    """One client for each region.

    Args:
        hub: follows the pointer.
        accounts: region -> base URL of the account there.
        api_key: a key, or what gives a token of Entra ID.
    """

    def __init__(self, hub: ActiveHub, accounts: Mapping[str, str], api_key: str | Callable[[], str]) -> None:
        self._hub = hub
        self._clients = {region: OpenAI(base_url=url, api_key=api_key) for region, url in accounts.items()}

    def active(self) -> OpenAI:
        """The client for the region of the active hub. Ask for it anew for each call.

        Raises:
            KeyError: there is no account in that region.
        """
        return self._clients[self._hub.current().region]


if __name__ == "__main__":
    tokens = get_bearer_token_provider(DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default")
    with ActiveHub("vision", STORES, refresh=30) as hub:
        models = RegionalModels(hub, ACCOUNTS, tokens)
        answer = models.active().chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Say hello."}]
        )
        print(answer.choices[0].message.content)
