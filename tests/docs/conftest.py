"""The repository's documents, read once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class Page:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.text = path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def headings(self) -> list[str]:
        return re.findall(r"^#+ +(.*?) *$", self.prose, re.MULTILINE)

    @property
    def anchors(self) -> set[str]:
        """What ``#…`` may follow the file's name, as GitHub makes it from headings, and explicit anchors."""
        return {_slug(heading) for heading in self.headings} | set(re.findall(r'<a id="([^"]+)"', self.text))

    @property
    def links(self) -> list[str]:
        return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", self.prose)

    @property
    def code(self) -> list[str]:
        """What stands in backticks within sentences."""
        return re.findall(r"`([^`\n]+)`", self.prose)

    def blocks(self, language: str) -> list[str]:
        """Contents of fenced blocks in a language."""
        return re.findall(rf"^ *```{language}\n(.*?)^ *```$", self.text, re.MULTILINE | re.DOTALL)


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pages() -> dict[str, Page]:
    """Every document by its path."""
    files = [*ROOT.glob("*.md"), ROOT / "client" / "README.md", *(ROOT / "docs").rglob("*.md")]
    return {page.name: page for page in map(Page, sorted(files))}
