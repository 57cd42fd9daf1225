import os

import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.exporting.subprocess_call import (
    Subprocess,
    SubprocessDiedError,
    call_in_subprocess,
)
from edgetl.trainer.recipe import Recipe


def test_a_result_comes_back_whatever_the_function_prints(capfd: pytest.CaptureFixture) -> None:
    assert call_in_subprocess(os.getpid) != os.getpid()
    assert call_in_subprocess(divmod, 17, 5) == (3, 2)
    assert call_in_subprocess(print, "printed") is None
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "printed\n")


def test_an_error_is_raised_here() -> None:
    with pytest.raises(SettingError, match="height 1 is not between"):
        call_in_subprocess(Recipe, 1)


def test_a_process_that_dies_is_named_with_its_signal() -> None:
    with pytest.raises(SubprocessDiedError, match=r"_exit.*exit status 3"):
        call_in_subprocess(os._exit, 3)
    with pytest.raises(SubprocessDiedError, match=r"abort.*SIGABRT"):
        call_in_subprocess(os.abort)


def test_calls_share_a_process_until_it_is_closed() -> None:
    with Subprocess() as other:
        first = other.call(os.getpid)
        with pytest.raises(SettingError):
            other.call(Recipe, 1)
        assert other.call(os.getpid) == first
        temporary = other.call(os.getenv, "TMPDIR")
        assert os.path.isdir(temporary)  # noqa: PTH112
        other.close()
        assert not os.path.exists(temporary)  # noqa: PTH110
        assert other.call(os.getpid) != first
        with pytest.raises(SubprocessDiedError, match=r"_exit.*exit status 3"):
            other.call(os._exit, 3)


def test_nothing_runs_on_after_an_interrupt() -> None:
    processes = []

    def interrupted() -> None:
        with Subprocess() as other:
            processes.append(other.call(os.getpid))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0], 0)
