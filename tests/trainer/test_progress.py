import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from edgetl.trainer.progress import epoch_display, progress

AN_EPOCH = """
import time
from edgetl.trainer.progress import epoch_display
with epoch_display("fine-tune 12/14", steps=4, epochs_left=2, before="val_accuracy 0.9700") as show:
    for _ in range(4):
        show({"loss": 0.25, "accuracy": 0.875})
        time.sleep(0.15)
"""


def test_a_terminal_of_80_columns_shows_phase_metrics_and_the_time_left() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment |= {"TERM": "xterm", "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-c", AN_EPOCH], stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(ours, 100_000).decode())
    last = [line for line in re.split(r"[\r\n]+", shown) if line.strip()][-1]
    assert len(last) <= 80
    for words in (
        "fine-tune 12/14",
        "loss 0.2500",
        "acc. 0.8750",
        "val_accuracy 0.9700",
        ":00 left",
    ):
        assert words in last


def test_there_is_no_bar_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with progress("decoding", 2) as advance:
        advance()
    with epoch_display("head 1/1", steps=1, epochs_left=1, before="") as show:
        show({})
    assert pipe.getvalue().strip() == ""
