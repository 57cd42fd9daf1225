"""What the checks in scripts/ share."""

import json
import sys
from pathlib import Path

import pytest


def test_a_command_that_fails_is_named_with_its_last_line(tmp_path: Path) -> None:
    from lib.commands import CheckError, run_logged

    log = tmp_path / "log"
    assert run_logged(log, [sys.executable, "-c", "print(1)"]) == "1\n"
    with pytest.raises(CheckError, match="status 3: no such thing"):
        run_logged(log, [sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"])
    assert "no such thing" in log.read_text()


def test_an_expected_status_gives_both_streams(tmp_path: Path) -> None:
    from lib.commands import run_logged

    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(2)"
    said = run_logged(tmp_path / "log", [sys.executable, "-c", code], status=2)
    assert said == "out\nerr\n"


def test_results_are_a_table_or_json_and_one_failure_is_the_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from lib.checks import report, require, run_check

    def broken() -> str:
        require("the sky is green", False)
        return ""

    results = [run_check("works", lambda: "as it should"), run_check("breaks", broken, system="pi")]
    assert [result.passed for result in results] == [True, False]
    assert report(results[:1], as_json=False) == 0
    assert report([], as_json=False) == 1
    capsys.readouterr()
    assert report(results, as_json=True) == 1
    (_, second) = json.loads(capsys.readouterr().out)
    assert (second["system"], second["found"]) == ("pi", "not so: the sky is green")


def test_waiting_ends_with_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from lib import checks

    monkeypatch.setattr(checks.time, "sleep", lambda _: None)
    values = iter([0, "", "there"])
    assert checks.wait_until("it comes", lambda: next(values), 5) == "there"
    with pytest.raises(checks.CheckError, match="not within 0 s: it comes"):
        checks.wait_until("it comes", lambda: False, 0)


@pytest.mark.parametrize("is_32_bit", [False, True])
def test_readme_tells_each_pi_how_to_install(is_32_bit: bool) -> None:
    from lib.readme import pi_install

    lines = pi_install(is_32_bit=is_32_bit)
    assert lines[0].startswith("sudo apt install")
    assert ("linux32" in lines[-1]) == is_32_bit
    assert lines[-1].endswith("pip install .")


@pytest.mark.parametrize("apart", [0.0, 0.005, 0.5])
def test_results_of_two_machines_are_compared(apart: float) -> None:
    from lib.commands import CheckError
    from lib.pi_check.checks import compare

    def record(probability: float) -> dict[str, object]:
        return {"label": "a", "predictions": [{"label": "a", "probability": probability}]}

    if apart > 2 / 256:
        with pytest.raises(CheckError, match=r"128\.00"):
            compare([record(0.5 + apart)], [record(0.5)], 2 / 256)
    else:
        assert compare([record(0.5 + apart)], [record(0.5)], 2 / 256).startswith("1 results, 0 of")
