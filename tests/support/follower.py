"""An application that knows nothing of hubswitch: it only uses Azure's App Configuration provider.

Started as its own process; prints one line of JSON whenever what it sees changes. ``mixed`` is true if the plain keys
and the one that counts were ever of different epochs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from azure.appconfiguration.provider import SettingSelector, WatchKey, load
from azure.identity import ManagedIdentityCredential

ENDPOINT, PREFIX, WAY = sys.argv[1:4]
OPTIONS: dict[str, Any] = {
    "sentinel": {"refresh_on": [WatchKey(f"{PREFIX}epoch")]},
    "pages": {"refresh_enabled": True},
}[WAY]


def main() -> None:
    store = load(
        endpoint=ENDPOINT,
        credential=ManagedIdentityCredential(client_id=os.environ["HUBSWITCH_PROBE_CLIENT_ID"]),
        selects=[SettingSelector(key_filter=f"{PREFIX}*")],
        refresh_interval=1,
        connection_verify=os.environ["REQUESTS_CA_BUNDLE"],
        **OPTIONS,
    )
    last = None
    while os.getppid() != 1:
        store.refresh()
        active = store[f"{PREFIX}active"]
        plain = {name: store[f"{PREFIX}{name}"] for name in ("hub", "project", "region", "resource_group")}
        mixed = any(active[name] != text for name, text in plain.items())
        if WAY == "pages":  # keys are read one by one there: the one that counts is whole, plain ones may trail
            mixed = not {"epoch", "hub", "region"} <= set(active)
        seen = {"epoch": active["epoch"], "hub": active["hub"], "mixed": mixed}
        if seen != last or mixed:
            print(json.dumps(seen), flush=True)
            last = seen
        time.sleep(0.02)


if __name__ == "__main__":
    assert Path(__file__).exists()
    main()
