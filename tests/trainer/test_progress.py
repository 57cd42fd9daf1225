import io
import os
import pty
import subprocess
import sys

import pytest

from edgetl.trainer.progress import epoch_display, progress

AN_EPOCH = """
import time
from edgetl.trainer.progress import epoch_display
with epoch_display("head 3/14", steps=4, epochs_left=2, before="val_accuracy 0.9700") as show:
    for _ in range(4):
        show({"loss": 0.25, "accuracy": 0.875})
        time.sleep(0.15)
"""


def test_a_terminal_shows_phase_figures_and_the_time_left() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160"}
    subprocess.run([sys.executable, "-c", AN_EPOCH], stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    for words in ("head 3/14", "loss 0.2500", "accuracy 0.8750", "val_accuracy 0.9700", " left"):
        assert words in shown


def test_there_is_no_bar_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with progress("decoding", 2) as advance:
        advance()
    with epoch_display("head 1/1", steps=1, epochs_left=1, before="") as show:
        show({})
    assert pipe.getvalue().strip() == ""
