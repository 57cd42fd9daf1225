"""Pins that follow the label: gpiozero's own mock pins, and no pins at all."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.actions.options import PinLabel, parse_pin_label
from edgetl.edge.actions.pins import PinsSink, check_pins
from edgetl.edge.errors import MissingExtraError, SettingError, SinkError
from edgetl.edge.pipeline import ClassifyOptions, classify
from tests.conftest import COLOURS, Cli, colour_picture
from tests.edge.conftest import made_result


@pytest.fixture
def header(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The pins, as gpiozero's MockFactory has them."""
    pytest.importorskip("gpiozero")
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory

    factory = MockFactory()
    monkeypatch.setattr(Device, "pin_factory", factory)
    yield factory
    factory.reset()


def pins(*words: str) -> tuple[PinLabel, ...]:
    return tuple(map(parse_pin_label, words))


BLUE, GREEN, RED = ([0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8])


def test_a_pin_is_on_while_the_label_is_one_of_its(header: Any) -> None:
    sink = PinsSink(pins("17=red", "17=green", "4=blue"), live=False)
    states = [(header.pin(17).state, header.pin(4).state)]
    for probabilities in (RED, GREEN, BLUE, RED):
        sink.write(made_result(probabilities))
        states.append((header.pin(17).state, header.pin(4).state))
    assert states == [(0, 0), (1, 0), (1, 0), (0, 1), (1, 0)]
    pin = header.pin(17)
    sink.close()
    assert pin.states[-2].state == 1
    assert pin.state == 0


def test_of_several_cameras_a_pin_is_on_while_any_has_its_label(header: Any) -> None:
    sink = PinsSink(pins("17=red"), live=True)
    states = []
    for source, probabilities in (("door", RED), ("yard", BLUE), ("door", GREEN), ("yard", RED)):
        sink.write(made_result(probabilities, source=source, frame=1))
        states.append(header.pin(17).state)
    assert states == [1, 1, 0, 1]
    sink.close()


def test_the_run_s_end_turns_them_off_whatever_it_is(
    header: Any, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colour_picture(COLOURS["red"], 1, (40, 30)).save(tmp_path / "a.jpg")
    seen = []

    def stopped(self: PinsSink, result: Any) -> None:
        write(self, result)
        seen.append(header.pin(17).state)
        raise SystemExit(143)

    write = PinsSink.write
    monkeypatch.setattr(PinsSink, "write", stopped)
    options = ClassifyOptions((str(tmp_path / "a.jpg"),), model=model, gpio=pins("17=red"))
    with pytest.raises(SystemExit):
        classify(options)
    assert (seen, header.pin(17).state) == ([1], 0)


def test_they_follow_the_stable_label(
    header: Any, tmp_path: Path, third_party_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("blue", "red"):
        colour_picture(COLOURS[name], 1, (40, 30)).save(tmp_path / f"{name}.jpg")
    outcome = classify(
        ClassifyOptions(
            (str(tmp_path),), model=third_party_models / "described.tflite", gpio=pins("17=red")
        )
    )
    assert (outcome.classified, outcome.failed_sinks) == (2, 0)
    assert [change.state for change in header.pin(17).states][-2:] == [1, 0]


def test_a_pin_that_another_has_is_named(header: Any) -> None:
    first = PinsSink(pins("17=red"), live=False)
    with pytest.raises(SinkError, match="--gpio 17: another program uses this pin"):
        PinsSink(pins("4=red", "17=red"), live=False)
    first.close()
    # What was taken before it is free again.
    PinsSink(pins("4=red", "17=red"), live=False).close()


def test_a_pin_that_fails_is_a_sink_that_fails(header: Any, monkeypatch: Any) -> None:
    sink = PinsSink(pins("17=red"), live=False)
    sink._devices[17].close()
    with pytest.raises(SinkError, match="--gpio 17"):
        sink.write(made_result(RED))
    sink.close()


@pytest.mark.skipif(os.path.exists("/dev/gpiochip0"), reason="there are pins here")  # noqa: PTH110
def test_without_pins_the_packages_are_named(monkeypatch: Any, in_tmp_path: Path) -> None:
    pytest.importorskip("gpiozero")
    from gpiozero import Device

    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    with pytest.raises(SinkError, match="apt install python3-gpiozero python3-lgpio"):
        PinsSink(pins("17=red"), live=False)
    # lgpio would make a pipe where we are.
    assert not list(in_tmp_path.iterdir())


def test_without_gpiozero_the_install_command_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(MissingExtraError, match=r"--gpio needs .*pip install 'edgetl\[gpio\]'"):
        PinsSink(pins("17=red"), live=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("17", "PIN=LABEL"), ("=open", "PIN=LABEL"), ("17=", "PIN=LABEL"), ("x=y", "PIN=LABEL"),
        ("28=open", "0 to 27"), ("-1=open", "PIN=LABEL"), ("²=open", "PIN=LABEL"),
    ],
)  # fmt: skip
def test_what_is_no_pin_is_refused(cli: Cli, text: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        parse_pin_label(text)


def test_a_label_that_there_is_not_is_refused() -> None:
    labels = ("open", "a=b", "unknown")
    check_pins(pins("17=open", "17=a=b", "4=unknown"), labels, may_be_unsure=False)
    check_pins(pins("17=unsure"), labels, may_be_unsure=True)
    with pytest.raises(SettingError, match="no such label; there are open, a=b, unknown"):
        check_pins(pins("17=ajar"), labels, may_be_unsure=True)
    for text in ("17=door:open", "17=yard/gate:open", "17=yard/open"):
        with pytest.raises(SettingError, match=r"cannot be for one camera .* --gpio 17=open, or"):
            check_pins(pins(text), labels, may_be_unsure=True)
    check_pins(pins("17=a:open"), ("a:open", "open"), may_be_unsure=True)
    with pytest.raises(SettingError, match="--threshold P"):
        check_pins(pins("17=unsure"), labels, may_be_unsure=False)
