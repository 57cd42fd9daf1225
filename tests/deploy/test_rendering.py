"""The table of a deployment, on a terminal of 80 columns."""

import io

from rich.console import Console

from edgetl.deploy.deploying import Deployed
from edgetl.deploy.rendering import print_deployed

SHA256 = "0123456789abcdef" * 4


def printed(*results: Deployed, width: int = 80) -> list[str]:
    text = io.StringIO()
    print_deployed(results, Console(file=text, width=width), dry_run=False)
    return [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]


def test_at_80_columns_words_and_numbers_are_whole() -> None:
    device = "pi@kitchen-window-camera-2.workshop.example.org:2222"
    done = Deployed(device, "rolled back", SHA256, "0.1.0", "tflite-runtime 2.14.0", 12345.678)
    heading, _, *lines = printed(done)
    assert heading.split() == ["device", "state", "model", "edgetl", "runtime", "ms"]
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[1:] == [
        "rolled",
        "back",
        "01234567",
        "0.1.0",
        "tflite-runtime",
        "12345.7",
    ]
    assert lines[1].split()[1:] == ["2.14.0"]
    assert "".join(line.split()[0] for line in lines) == device


def test_the_reason_of_a_failure_is_one_line() -> None:
    why = "[Errno 2] " + "no such file " * 20
    assert printed(Deployed("door", "failed", why=why))[-1] == f"door: {why}".rstrip()
