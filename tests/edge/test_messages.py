"""How messages are shown on a terminal, and that Ctrl-C at any time shows no traceback."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from edgetl.edge.system.python_subprocess import run_python, start_python

pytestmark = pytest.mark.skipif(os.name != "posix", reason="terminals and sessions")

LONG = (
    "model.int8.tflite: on litert 120 pictures are too few to tell whether it loses "
    "2 percentage points of accuracy (-2.5 to +2.5); about 29 more would tell"
)


def on_a_terminal(message: str, *, columns: int) -> list[str]:
    """The lines of a warning on a terminal."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    code = (
        "from edgetl.edge.system.messages import logger, show_messages\n"
        f"show_messages()\nlogger.warning({message!r})"
    )
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 4096):
            shown += more
    except OSError:  # Linux says so that the other end is closed
        pass
    os.close(ours)
    return shown.decode().splitlines()


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_breaks_no_word_or_number(columns: int) -> None:
    lines = on_a_terminal(LONG, columns=columns)
    assert len(lines) > 1
    assert max(map(len, lines)) <= columns
    assert " ".join(line.strip() for line in lines) == f"edgetl: {LONG}"


def test_what_fits_and_what_is_no_terminal_keeps_its_line() -> None:
    assert on_a_terminal("12345678", columns=16) == ["edgetl: 12345678"]
    assert len(on_a_terminal(LONG, columns=1000)) == 1


@pytest.mark.parametrize(
    "command", ["`edgetl train --resume --out run`", "pip install 'edgetl[preview]' --no-deps"]
)
def test_a_command_is_not_broken(command: str) -> None:
    """Pasted, its first half would be run."""
    lines = on_a_terminal(f"{'w ' * 12}: {command}", columns=40)
    assert any(command in line for line in lines)


def test_lines_go_on_below_what_follows_their_heading() -> None:
    lines = on_a_terminal(f"kept       weights\nlabels     {'4 of 120 ' * 12}", columns=80)
    assert lines[0] == "edgetl: kept       weights"
    assert lines[1].startswith("labels     4 of")
    assert len(lines[2]) - len(lines[2].lstrip()) == len("labels     ")


def test_ctrl_c_while_the_command_line_is_imported_shows_no_traceback() -> None:
    (entry,) = entry_points(group="console_scripts", name="edgetl")
    assert entry.value == "edgetl.__main__:main"
    code = """
import sys
class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "edgetl.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from edgetl.__main__ import main
main()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_ctrl_c_does_not_reach_our_subprocesses() -> None:
    """They would show tracebacks of their own."""
    asked = ["-c", "import os; print(os.getsid(0), os.getpid())"]
    session, process = run_python(asked, stdout=subprocess.PIPE, text=True).stdout.split()
    assert session == process
    with start_python(asked, stdout=subprocess.PIPE, text=True) as other:
        session, process = other.communicate()[0].split()
    assert session == process
