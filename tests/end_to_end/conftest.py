"""What several end-to-end tests share."""

from pathlib import Path

import pytest

from tests.conftest import Cli, MadeOnce, small_run, write_colour_pictures


@pytest.fixture(scope="session")
def unknown_run(made_once: MadeOnce) -> Path:
    """A run on blue, red and none/, which holds green, exported to float32 and int8."""

    def make(to: Path) -> None:
        write_colour_pictures(to / "photos", ["blue", "red", "green"], 20)
        (to / "photos" / "green").rename(to / "photos" / "none")
        write_colour_pictures(to / "strange", ["yellow"], 4)
        cli = Cli(to)
        made = cli.here("train", "photos", "--out", "run", *small_run(unknown="on"))
        (to / "train.log").write_text(made.stderr)
        # 12 photos a class are too few to tell, and a file that loses one of them is not the point.
        cli.here("export", "run", "--quantize", "none", "--quantize", "int8", "--max-drop", "100")

    return made_once("unknown", make) / "run"
