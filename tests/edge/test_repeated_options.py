"""An option that takes one value is given once: none is silently the last of several."""

import pytest

from tests.conftest import Cli, assert_one_clear_line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["classify", "--model", "a", "--model", "b"], "--model is given twice; give it once"),
        (["classify", "a.jpg", "--threads=1", "--threads", "2"], "--threads is given twice"),
        (["classify", "a.jpg", *["--top-k", "1"] * 3], "--top-k is given 3 times"),
        (["classify", "a.jpg", "--on-change", "--on-change"], "--on-change is given twice"),
        (["classify", "--camera", "0", "--reconnect", "--no-reconnect"], "--reconnect/--no-recon"),
        (["classify", "--camera", "0", "--preview", "--preview=8001"], "--preview is given twice"),
        (["service", "install", "--mqtt", "a", "--mqtt", "b"], "--mqtt is given twice"),
        (["service", "logs", "-n", "5", "--lines", "6"], "--lines is given twice"),
        (
            ["deploy", "m", "h", "--service", "--camera 0 --mqtt a --mqtt b"],
            "--service: --mqtt is given",
        ),
        (["train", "photos", "--out", "a", "--out", "b"], "--out is given twice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_given_twice_is_one_clear_line(
    cli: Cli, arguments: list[str], words: str
) -> None:
    assert_one_clear_line(cli.refused(*arguments), words)


def test_options_for_any_number_of_values_and_help_may_be_given_again(cli: Cli) -> None:
    line = cli.refused("export", "none", "--quantize", "none", "--quantize", "int8").stderr
    assert "twice" not in line
    cli.here("classify", "--help", "--help")
