"""Pins of a Raspberry Pi's header that are on while the label is one of theirs."""

import os
import re
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from edgetl.edge.actions.options import PinLabel
from edgetl.edge.errors import SettingError, SinkError, quoted
from edgetl.edge.model.special_labels import UNSURE
from edgetl.edge.results.condition import named_labels
from edgetl.edge.results.result import Result
from edgetl.edge.sources.per_source import PerSource
from edgetl.edge.system.extras import need_package

_LGPIO_FOLDER = "LG_WD"
_REMEDY = (
    "on Raspberry Pi OS type: sudo apt install python3-gpiozero python3-lgpio, make the virtual "
    "environment with --system-site-packages, and be in the group gpio"
)


class PinsSink:
    """Turns pins on and off, by the label of the last result that it was given.

    Of live cameras a pin is on while any source has one of its labels.
    All are off before the first result, and at the end, however it comes; but not after SIGKILL.
    """

    def __init__(self, pins: Sequence[PinLabel], *, live: bool) -> None:
        """Take the pins, and turn them off.

        `live` is whether the results are those of live cameras, and not of files.

        Raises:
            MissingExtraError: gpiozero is not installed.
            SinkError: there are no pins here, or another program has one.
        """
        need_package("gpiozero", needs="--gpio")
        self._labels: defaultdict[int, set[str]] = defaultdict(set)
        for one in pins:
            self._labels[one.pin].add(one.label)
        self._live = live
        self._now = PerSource(str)
        self._devices: dict[int, Any] = {}
        try:
            with _folder_of_lgpio():
                for pin in self._labels:
                    self._devices[pin] = _output(pin)
        except SinkError:
            self.close()
            raise

    def write(self, result: Result) -> None:
        self._now.keep(result, result.label)
        labels = self._now.states() if self._live else [result.label]
        for pin, device in self._devices.items():
            try:
                device.value = not self._labels[pin].isdisjoint(labels)
            except Exception as error:  # gpiozero passes on what each of its libraries raises
                raise _trouble(pin, error) from error

    def close(self) -> None:
        for device in self._devices.values():
            with suppress(Exception):
                device.off()
            with suppress(Exception):
                device.close()
        self._devices = {}


def check_pins(pins: Sequence[PinLabel], labels: Sequence[str], *, may_be_unsure: bool) -> None:
    """See that each pin has a label that there is.

    Raises:
        SettingError: one has not; the message says which there are.
    """
    for one in pins:
        if one.label == UNSURE and UNSURE not in labels and not may_be_unsure:
            raise SettingError(f"--gpio {one}: never on without --threshold P; add it")
        if one.label in (*labels, UNSURE):
            continue
        meant = re.split("[:/]", one.label)[-1]
        if meant in (*labels, UNSURE):
            raise SettingError(
                f"--gpio {quoted(str(one))}: a pin cannot be for one camera alone, it is on while "
                f"any has its label; write --gpio {quoted(f'{one.pin}={meant}')}, or run edgetl "
                f"classify once for each camera"
            )
        raise SettingError(
            f"--gpio {quoted(str(one))}: no such label; there are {named_labels(labels)}"
        )


@contextmanager
def _folder_of_lgpio() -> Iterator[None]:
    """lgpio makes a pipe in the folder we are in when it is loaded: let it be another one."""
    if _LGPIO_FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ[_LGPIO_FOLDER] = folder
        try:
            yield
        finally:
            # A program that we run may use lgpio too.
            del os.environ[_LGPIO_FOLDER]


def _output(pin: int) -> Any:
    try:
        with warnings.catch_warnings():
            # One for each library that it looks for.
            warnings.simplefilter("ignore")
            from gpiozero import DigitalOutputDevice

            return DigitalOutputDevice(pin, initial_value=False)
    except Exception as error:  # gpiozero passes on what each of its libraries raises
        raise _trouble(pin, error) from error


def _trouble(pin: int, error: Exception) -> SinkError:
    words = " ".join(str(error).split()).rstrip("!.") or type(error).__name__
    if "busy" in words.lower() or "in use" in words:
        return SinkError(f"--gpio {pin}: another program uses this pin; end it, or take another")
    return SinkError(f"--gpio {pin}: the pin cannot be used ({words}); {_REMEDY}")
