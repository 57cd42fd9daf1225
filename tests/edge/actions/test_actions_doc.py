"""What docs/actions.md says to type, typed; docs/serve.md has a test beside its command's."""

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import COLOURS, Cli
from tests.edge.actions.conftest import Hook
from tests.edge.conftest import frame_picture, write_video

DOCS = Path(__file__).parents[3] / "docs"
DOC = (DOCS / "actions.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```bash\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("edgetl")
]


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_each_command_does_what_it_is_for(cli: Cli, model: Path, hook: Callable[..., Hook]) -> None:
    pytest.importorskip("gpiozero")
    (script,) = re.findall(r"^```sh\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)
    tell = cli.folder / "tell.sh"
    tell.write_text(script.replace("curl -s -d", "echo").replace(" https", " > told; # "))
    tell.chmod(0o755)
    red = (frame_picture(0) + COLOURS["red"][::-1]).astype("uint8")
    write_video(cli.folder / "camera.avi", [red] * 3)
    shutil.copy(model, cli.folder / "model.tflite")
    server = hook()
    # All of them at once.
    typed: list[str] = []
    for line in COMMANDS:
        typed += shlex.split(line.replace("=open", "=red"))[4:]
    url = next(word for word in typed if word.startswith("https://"))
    given = [server.url if word == url else word for word in typed]
    cli("classify", "--camera", "camera.avi", *given, GPIOZERO_PIN_FACTORY="mock")
    assert [record["label"] for _, _, record in server.heard] == ["red"]
    assert (cli.folder / "told").read_text() == "door: red\n"


def test_every_variable_and_option_is_documented() -> None:
    from edgetl.edge.actions.program import _variables
    from tests.edge.conftest import made_result

    assert set(re.findall(r"`(EDGETL_\w+)`", DOC)) == set(_variables(made_result([0.1, 0.9])))
    for option in ("--webhook", "--exec", "--gpio"):
        assert option in DOC
