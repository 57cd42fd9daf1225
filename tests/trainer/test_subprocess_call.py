import os

import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.exporting.subprocess_call import ChildDiedError, in_child
from edgetl.trainer.recipe import Recipe


def test_a_result_comes_back_whatever_the_function_prints(capfd: pytest.CaptureFixture) -> None:
    assert in_child(os.getpid) != os.getpid()
    assert in_child(divmod, 17, 5) == (3, 2)
    assert in_child(print, "printed") is None
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "printed\n")


def test_an_error_is_raised_here() -> None:
    with pytest.raises(SettingError, match="height 1 is not between"):
        in_child(Recipe, 1)


def test_a_process_that_dies_is_named_with_its_signal() -> None:
    with pytest.raises(ChildDiedError, match=r"_exit.*exit status 3"):
        in_child(os._exit, 3)
    with pytest.raises(ChildDiedError, match=r"abort.*SIGABRT"):
        in_child(os.abort)
