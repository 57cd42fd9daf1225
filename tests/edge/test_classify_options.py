"""The options of classify: each stated once, and checked when they are made."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgetl.command import options_from_arguments
from edgetl.edge.errors import SettingError
from edgetl.edge.pipeline.options import ClassifyOptions
from tests.conftest import Cli

MANY = ClassifyOptions(
    files=("a b.jpg", "-"), model=Path("m.tflite"), top_k=1, format="csv", smooth=0.5,
    threshold=0.25, on_change=True, preview="127.0.0.1:8000", snapshots=Path("s"),
    keep=("cat>0.9", "random:0.5%"),
)  # fmt: skip
CAMERA = ClassifyOptions(
    camera="0", rotate=90, roi="0,0,1,0.5", reconnect=False, fps=2.5, resolution="640x480"
)


@pytest.mark.parametrize("options", [MANY, CAMERA])
def test_options_and_the_arguments_that_give_them_are_the_same(options: ClassifyOptions) -> None:
    assert options_from_arguments(ClassifyOptions, options.arguments()) == options


def test_an_unknown_argument_of_options_is_named() -> None:
    with pytest.raises(SettingError, match="no such option --treshold; did you mean --threshold"):
        options_from_arguments(ClassifyOptions, ["a.jpg", "--treshold", "1"])


def test_help_all_shows_every_option_with_its_default_and_help_the_common_ones(cli: Cli) -> None:
    full, short = (
        " ".join(cli.here("classify", option, COLUMNS="200").stdout.split())
        for option in ("--help-all", "--help")
    )
    for setting in ClassifyOptions.settings():
        assert setting.shown_name in full
        assert setting.description in full
        assert (setting.description in short) == setting.option.common
        if setting.default not in (None, False, ()):
            assert re.search(rf"\[(on|{re.escape(setting.shown_default)})", setting.description)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "nothing to classify"),
        ({"files": ("a.jpg",), "camera": "0"}, "a.jpg and --camera together"),
        ({"files": ("a.jpg",), "reconnect": False}, "--no-reconnect is for --camera"),
        ({"files": ("a.jpg",), "roi": "0,0,1,1"}, "--roi is for --camera"),
        ({"camera": "0", "rotate": 45}, "--rotate 45 is not one of 0, 90, 180, 270"),
        ({"camera": "0", "top_k": 0}, "--top-k 0 is not 1 or more"),
        ({"camera": "0", "smooth": 0.0}, "--smooth 0.0 is not above 0 and finite"),
        ({"camera": "0", "smooth": float("nan")}, "--smooth nan is not above 0"),
        ({"camera": "0", "threshold": 1.5}, "--threshold 1.5 is not between 0 and 1"),
        ({"camera": "0", "snapshots_limit": float("inf")}, "--snapshots-limit inf is not"),
        ({"camera": "0", "snapshots_limit": 5.0}, "--snapshots-limit is for --snapshots DIR"),
        ({"camera": "0", "keep": ("cat>0.9",)}, "--keep 'cat>0.9' needs --snapshots"),
        ({"camera": "0", "mqtt_discovery": True}, "--mqtt-discovery needs --mqtt URL"),
        ({"camera": "0", "output": Path("a.txt")}, "--output a.txt: add --format"),
        (
            {"camera": "0", "output": Path("a.csv"), "format": "jsonl"},
            "--output a.csv is csv by its name, and --format jsonl is another",
        ),
        ({"camera": 0}, "--camera 0 is not text"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=re.escape(words)):
        ClassifyOptions(**values)


def test_the_options_import_nothing_heavy() -> None:
    code = (
        "import sys; from edgetl.edge import ClassifyOptions; "
        "print(*{'numpy', 'cv2', 'PIL', 'typer'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.returncode) == ("\n", 0), result.stderr
