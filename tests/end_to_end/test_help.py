"""What a person sees who asks for help, or types something wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import edgetl
from scripts.lib.reference import commands
from tests.conftest import Cli, assert_one_clear_line

GROUPS = ["", "runs", "service"]
COMMANDS = [command.name.removeprefix("edgetl ") for command in commands()]


@pytest.mark.parametrize("command", [*GROUPS, *COMMANDS])
def test_help_fits_a_screen_and_has_an_example(cli: Cli, command: str) -> None:
    text = cli.here(*command.split(), "--help", COLUMNS="80").stdout
    lines = text.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert re.search("Example: (sudo )?edgetl", text)
    assert "..." not in re.sub(r"\[ARGS\]\.\.\.|HOST\.\.\.", "", text), "a help text is cut off"


@pytest.mark.parametrize("command", ["runs", "service"])
def test_help_all_of_a_group_that_hides_nothing_is_its_help(cli: Cli, command: str) -> None:
    assert cli.here(command, "--help-all").stdout == cli.here(command, "--help").stdout


def test_help_is_the_same_each_time(cli: Cli) -> None:
    flags = {cli("--help", PYTHONHASHSEED=seed).stdout for seed in ("1", "2", "3", "4")}
    assert len(flags) == 1
    assert "  -h, --help  " in flags.pop()


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").stdout == f"edgetl {edgetl.__version__}\n"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_all_shows_what_help_shows_and_the_options_of_every_command(
    cli: Cli, command: str
) -> None:
    full = cli.here(*command.split(), "--help-all", COLUMNS="200").stdout
    short = cli.here(*command.split(), "--help", COLUMNS="200").stdout
    assert {"--quiet", "--verbose", "--debug"} <= set(full.split())
    assert set(re.findall(r"^  (--?[\w-]+)", short, re.M)) < set(
        re.findall(r"^  (--?[\w-]+)", full, re.M)
    )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("train --epoch 3", "no such option --epoch; did you mean --epochs?"),
        ("classify --treshold 1", "no such option --treshold; did you mean --threshold?"),
        ("service install --camra 0", "no such option --camra; did you mean --camera?"),
        ("service instal", "no such command instal; did you mean install?"),
        ("clasify a.jpg", "no such command clasify; did you mean classify?"),
        ("--versoin", "no such option --versoin; did you mean --version?"),
        ("qqqq", "no such command qqqq; see: "),
        ("info --qqqq", "no such option --qqqq; see: "),
        ("info", "missing argument 'MODEL'; see: "),
        ("classify --top-k x", "--top-k 'x' is not a whole number"),
        ("classify a.jpg --format x", "--format 'x' is not one of text, jsonl, csv"),
        ("classify --model", "option '--model' requires an argument; see: "),
    ],
)
def test_a_typing_mistake_is_one_clear_line_with_a_suggestion(
    cli: Cli, typed: str, words: str
) -> None:
    assert_one_clear_line(cli.refused(*typed.split()), words)


@pytest.mark.skipif(os.name != "posix", reason="bash")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("edgetl cl", {"classify"}),
        ("edgetl service un", {"uninstall"}),
        ("edgetl classify --thre", {"--threshold", "--threads"}),
        ("edgetl classify --format ", {"text", "jsonl", "csv"}),
        ("edgetl service install --memory", {"--memory-max"}),
        ("edgetl service ins", {"install"}),
        ("edgetl service install s", {"serve"}),
        ("edgetl service install serve --mod", {"--model"}),
        ("edgetl service install --yes s", set()),
        ("edgetl runs u", {"use"}),
    ],
)
def test_a_shell_completes_commands_options_and_choices(
    cli: Cli, typed: str, completed: set[str]
) -> None:
    words = typed.split(" ")
    result = subprocess.run(
        [Path(sys.executable).parent / "edgetl"],
        env=os.environ
        | {
            "_EDGETL_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
        },
        cwd=cli.folder,
        capture_output=True,
        text=True,
    )
    assert set(result.stdout.split()) == completed, result.stderr
