"""Azure's regions: the name that Resource Manager uses, and the ways in which messages spell it.

Names are those of ``az account list-locations`` and of the national clouds. Service Health writes display names
("East US 2"), emerging issues turn them round ("us-east-2"). What is not in the table is no region.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

GLOBAL = "global"

_DISPLAY_NAMES = """
East Asia; Southeast Asia; Australia Central; Australia Central 2; Australia East; Australia Southeast;
Austria East; Belgium Central; Brazil South; Brazil Southeast; Brazil US; Canada Central; Canada East; Chile Central;
Central India; South India; West India; Jio India Central; Jio India West; India South Central;
Central US; East US; East US 2; East US 3; North Central US; South Central US; South Central US 2; West Central US;
West US; West US 2; West US 3; Southeast US; Southeast US 3; Southeast US 5; Southwest US; Northeast US 5;
Central US EUAP; East US 2 EUAP; East US STG; South Central US STG; Denmark East; Finland Central;
France Central; France South; Germany North; Germany West Central; Germany Central; Germany Northeast; Greece Central;
Indonesia Central; Israel Central; Israel Northwest; Italy North; Japan East; Japan West; Korea Central; Korea South;
Malaysia South; Malaysia West; Mexico Central; New Zealand North; North Europe; West Europe; Norway East; Norway West;
Poland Central; Qatar Central; Saudi Arabia East; South Africa North; South Africa West; Spain Central;
Sweden Central; Sweden South; Switzerland North; Switzerland West; Taiwan North; Taiwan Northwest; UAE Central;
UAE North; UK South; UK West;
China East; China East 2; China East 3; China North; China North 2; China North 3;
US Gov Arizona; US Gov Iowa; US Gov Texas; US Gov Virginia; US DoD Central; US DoD East;
US Sec East; US Sec West; US Sec West Central; US Nat East; US Nat West
"""

_WORLDWIDE = ("Global", "Worldwide", "Non-Regional")
_GEOGRAPHY = re.compile(r"^\([^)]*\)")
"""``(Europe) West Europe``: the geography that some lists put before the name."""

_SEPARATORS = re.compile(r"[,;|]")
LONGEST_NAME = 80
LONGEST = 4096
"""Longest text that is searched for region names."""


def squeeze(name: str) -> str:
    """A region's name for comparison: ``East US 2`` is ``eastus2``. Unlike ``region_named`` it takes unknown names."""
    return "".join(c for c in _GEOGRAPHY.sub("", name.strip()).casefold() if c.isalnum())


def _swap_words(display: str) -> str:
    """``East US 2`` as ``us east 2``."""
    words = display.split()
    number = words.pop() if words[-1].isdigit() else ""
    return squeeze(" ".join([words[-1], *words[:-1], number]))


def _names() -> list[str]:
    return [name.strip() for name in _DISPLAY_NAMES.replace("\n", " ").split(";")]


def _table() -> dict[str, str]:
    names = _names()
    known = {squeeze(name): squeeze(name) for name in names}
    turned = {_swap_words(name): squeeze(name) for name in names}
    return turned | known | {squeeze(name): GLOBAL for name in _WORLDWIDE}


_CANONICAL = _table()

REGIONS = tuple(sorted(set(_CANONICAL.values()) - {GLOBAL}))
"""Every canonical name."""


def display_name(region: str) -> str:
    """A canonical name as Service Health spells it: ``eastus2`` is ``East US 2``; what is not in the table stays."""
    return next((name for name in _names() if squeeze(name) == region), region)


def region_named(name: str) -> str | None:
    """The canonical name of a region, however it is spelt; ``global`` for the whole world; None if unknown."""
    return _CANONICAL.get(name) or (_respelt(name) if len(name) <= LONGEST_NAME else None)


@lru_cache(maxsize=1024)
def _respelt(name: str) -> str | None:
    return _CANONICAL.get(squeeze(name))


def regions_in(said: Any) -> tuple[str, ...]:
    """The regions that a text (a name, or several with commas) or a list of texts names: canonical, sorted."""
    if isinstance(said, str):
        names: list[Any] = _SEPARATORS.split(said[:LONGEST])
    elif isinstance(said, list):
        names = said[:200]
    else:
        return ()
    return tuple(sorted({region for name in names if isinstance(name, str) and (region := region_named(name))}))
