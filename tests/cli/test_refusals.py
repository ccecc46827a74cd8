"""What commands refuse before they begin anything: one line, status 2, nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.cli.main import status_of


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a refused command says."""
    assert status_of(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_folder_that_is_a_file_is_refused_and_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's file is not taken for a place to write to."""
    file = tmp_path / "notes.txt"
    file.write_text("mine", encoding="utf-8")
    assert str(file) in refused(["azure", "--folder", str(file)], capsys)
    assert (file.read_text(encoding="utf-8"), [path.name for path in tmp_path.iterdir()]) == ("mine", ["notes.txt"])


def test_a_folder_from_which_another_is_served_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second would write over what the first one tells, and take it away at its end."""
    (tmp_path / "azure.json").write_text("{}", encoding="utf-8")
    assert "azure.json" in refused(["azure", "--folder", str(tmp_path)], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["azure.json"]


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://[::1", "http://host:0"])
@pytest.mark.parametrize("command", [["explain", "demo"], ["signals", "export", "demo"]], ids=["explain", "export"])
def test_what_is_no_address_of_an_app_is_refused(
    command: list[str], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is asked, and the option is named."""
    said = refused([*command, "--url", url], capsys)
    assert said.startswith("--url: expected the app's address")
    assert repr(url) in said


@pytest.mark.parametrize("key", ["two words", "ключ", "line\nline"])
def test_a_key_that_no_header_carries_is_refused(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be accepted at the start and by no request."""
    assert refused(["up", "--key", key], capsys).startswith("--key: expected visible ASCII")


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the local Azure is begun."""
    assert refused(["up", "--port", port], capsys) == f"--port: expected 0 to 65535, got {port}"


def test_a_package_that_is_not_deployed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only ``requirements.txt`` is installed, local commands say what they lack."""

    def lacking(**_: Any) -> int:
        raise ModuleNotFoundError("No module named 'trustme'", name="trustme")

    monkeypatch.setattr(main, "app", lacking)
    said = refused(["demo"], capsys)
    assert "`pip install .`" in said
    assert "trustme is not installed" in said


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_an_app_that_redirects_does_not_pass_the_key_on(
    serve_plain: Any, answers: Any, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is the app's; the host that it names hears nothing."""
    foreign = serve_plain(answers("200 OK", "{}"))
    app = serve_plain(answers(status, "", f"Location: {foreign.url}/anywhere"))
    said = refused(["explain", "demo", "--url", app.url, "--key", "s3cr3t"], capsys)
    assert said.endswith(f"it answered {status.split(maxsplit=1)[0]}; redirects are not followed")
    assert foreign.connections == 0
