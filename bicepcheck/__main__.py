"""``python -m bicepcheck [FOLDER]``: check the templates of a folder, ``infra`` if none is given.

Each finding is one line, ``file:line:column: text``. The exit status is 1 if there is one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bicepcheck.app_settings import check_settings
from bicepcheck.check import check_parameters, check_types, read_all
from bicepcheck.duplicates import check_duplicates
from bicepcheck.grants import Grants
from bicepcheck.private_links import check_private_links
from bicepcheck.references import check_references, find_circles
from bicepcheck.rules import check_own_group, check_rules
from bicepcheck.secrets import check_secrets
from bicepcheck.syntax import Finding

ROOT = Path(__file__).parents[1]


def findings_in(folder: Path, root: Path = ROOT) -> list[Finding]:
    """Everything that is found in a folder, in the order of its files."""
    templates = read_all(folder, root)
    if any(template.root.has_error for template in templates.values()):
        return check_types(templates)
    circles = [*find_circles(templates)]
    if circles:
        return circles
    found = check_types(templates)
    found += [*check_references(templates), *check_secrets(templates), *check_duplicates(templates)]
    found += [*check_parameters(templates, folder, root), *check_settings(templates, root)]
    found += [*check_rules(templates), *check_own_group(templates, folder)]
    found += check_private_links(templates)
    grants = Grants(templates)
    shown = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)
    return [*found, *grants.findings, *(Finding(shown, 1, 1, text) for text in grants.missing())]


def main(arguments: Sequence[str]) -> int:
    """Check, and print what was found."""
    folder = Path(arguments[0]).resolve() if arguments else ROOT / "infra"
    found = findings_in(folder)
    for each in found:
        print(each)
    count = len(list(folder.rglob("*.bicep")))
    print(f"{folder.name}: {count} templates, {len(found)} findings (type-checked, not compiled)", file=sys.stderr)
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
