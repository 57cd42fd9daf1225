import re

import pytest

import edgetl
from tests.conftest import Cli

COMMANDS = ["demo", "train", "export", "classify", "info", "benchmark"]
COMMANDS += ["service", *(f"service {c}" for c in ("install", "status", "logs", "uninstall"))]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen_and_has_an_example(cli: Cli, command: str) -> None:
    text = cli(*command.split(), "--help", COLUMNS="80").stdout
    lines = text.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert re.search("Example: (sudo )?edgetl", text)
    assert "..." not in re.sub(r"\[ARGS\]\.\.\.|GLOBS\]?\.\.\.", "", text), "a help text is cut off"


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").stdout == f"edgetl {edgetl.__version__}\n"


def test_a_wrong_option_is_bad_use(cli: Cli) -> None:
    result = cli("train", "--epoch", "3", check=2)
    assert "--epoch" in result.stderr
    assert "Traceback" not in result.stderr
