"""What files, labels, models and devices are called never reaches a terminal as they hold it."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from edgetl.deploy.deploying import Deployed
from edgetl.deploy.rendering import print_deployed
from edgetl.edge.doctor.check import Check, Examination
from edgetl.edge.doctor.rendering import print_examination
from edgetl.edge.model.associated_files import read_associated_files, with_files
from edgetl.edge.model.tflite_metadata import Description
from edgetl.trainer.exporting.metadata import with_metadata
from edgetl.trainer.progress import bytes_bar, progress, whole_display
from tests.conftest import Cli, colour_picture
from tests.edge.fuzz import resigned

# A title, a colour, C1's CSI and a style of rich's.
EVIL = "\x1b]0;owned\x07\x1b[31m\x9b2J[bold red]"
SHOWN = r"\x1b]0;owned\x07\x1b[31m\x9b2J[bold red]"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def assert_harmless(text: str) -> None:
    assert SHOWN in text
    for char in "\x1b\x07\x9b":
        assert char not in text


def test_messages(cli: Cli) -> None:
    (cli.folder / f"{EVIL}.txt").touch()
    result = cli("classify", cli.folder / f"{EVIL}.txt", "--model", "none.tflite", check=2)
    assert "\x1b" not in result.stderr

    code = (
        "from edgetl.edge.system.messages import logger, show_messages\n"
        "show_messages()\n"
        f"logger.warning({EVIL!r} + chr(10) + 'next')"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert_harmless(shown.stderr)
    assert shown.stderr.splitlines() == [f"edgetl: {SHOWN}", "next"]


def test_a_model_that_names_itself(
    third_party_models: Path, tiny_export: bytes, cli: Cli, labels_file: Path
) -> None:
    plain = (third_party_models / "uint8.tflite").read_bytes()
    path = cli.folder / "m.tflite"
    flatbuffer = with_metadata(plain, Description(EVIL, EVIL, EVIL, EVIL))
    path.write_bytes(resigned(with_files(flatbuffer, read_associated_files(tiny_export)[0])))
    labels_file.write_text(f"{EVIL}\n{EVIL}2\n{EVIL}3\n")
    colour_picture((0, 0, 200), 1, (20, 20)).save(cli.folder / "a.png")
    given = (path, "--labels", labels_file)
    assert "\\x1b]0;owned" in (text := cli("info", *given).stdout)
    assert not {"\x1b", "\x07", "\x9b"} & set(text)
    assert_harmless(cli("classify", "a.png", "--model", *given).stdout)


@pytest.mark.parametrize("bar", [progress, bytes_bar])
def test_bars(bar, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with bar(f"reading {EVIL}", 2) as advance:
        advance(1)
    assert SHOWN in terminal.getvalue()
    assert "\x07" not in terminal.getvalue()


def test_the_bar_of_a_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with whole_display() as show:
        show(EVIL, 3.0)
    assert SHOWN in terminal.getvalue()
    assert "\x07" not in terminal.getvalue()


def test_the_doctor_and_a_deployment() -> None:
    for shown in (
        lambda console: print_examination(
            Examination((Check("camera", "warn", EVIL, EVIL),), None), console
        ),
        lambda console: print_deployed(
            [Deployed("door", "deployed", "0" * 64, EVIL, EVIL, 1.0),
             Deployed("hall", "failed", why=EVIL)], console, dry_run=False,
        ),
    ):  # fmt: skip
        text = io.StringIO()
        shown(Console(file=text, width=300))
        assert_harmless(text.getvalue())
