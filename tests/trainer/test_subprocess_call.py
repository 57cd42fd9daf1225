import os

import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.exporting.subprocess_call import SubprocessDiedError, call_in_subprocess
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
