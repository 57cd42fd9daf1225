"""Which spellings of a name are the same class."""

import unicodedata
from collections.abc import Iterable, Mapping

from edgetl.edge.errors import DataError, quoted
from edgetl.edge.model.special_labels import EXAMPLES_OF_UNKNOWN, UNKNOWN, UNSURE
from edgetl.trainer.data.wording import some


def class_labels(
    names: Mapping[str, Iterable[str]], *, where: str
) -> tuple[dict[str, str], list[str]]:
    """The label of each spelling of a class, and sentences of what was taken to be the same.

    Labels are in Unicode's normal form C: macOS writes "Müsli" in form D, and others in C. Names
    that differ only in case or spaces are one class in different places, spelled as in the first.
    Those of none, other, unknown and background are "unknown".

    Args:
        names: the classes' names in each place: train/, test/, ..., or "" where there is one place.
        where: the data folder, for messages.

    Raises:
        DataError: names that differ only in case or spaces in one place; a name that is no UTF-8,
            or has a line break in it. All of them are named.
    """
    _check_writable(names, where)
    spelled: dict[str, str] = {}
    labels: dict[str, str] = {}
    notes: list[str] = []
    for place, inside in names.items():
        seen: dict[str, str] = {}
        clashes = []
        for name in inside:
            composed = unicodedata.normalize("NFC", name)
            key = " ".join(composed.lower().split())
            if seen.setdefault(key, composed) != composed:
                clashes.append(f"{quoted(seen[key])!r} and {quoted(composed)!r}")
            if key in EXAMPLES_OF_UNKNOWN:
                labels[name] = UNKNOWN
                continue
            label = spelled.setdefault(key, composed)
            if label != composed:
                notes.append(f"{place}: {composed!r} is taken for the class {label!r}")
            labels[name] = label
        if clashes:
            raise DataError(
                f"{where}: {place}{': ' if place else ''}classes differ only in case or spaces, "
                f"{some(clashes)}; merge each pair under one name"
            )
    examples = sorted({name for name, label in labels.items() if label == UNKNOWN} - {UNKNOWN})
    notes += [f"{quoted(name)}: is taken for examples of {UNKNOWN!r}" for name in examples]
    notes += [
        f"{quoted(name)}: a class of this name; uncertain pictures get the same label from "
        f"classify --threshold, so rename the folder"
        for name, label in labels.items()
        if label.lower() == UNSURE
    ]
    return labels, [*notes, *_of_two_forms(labels)]


def _of_two_forms(labels: Mapping[str, str]) -> list[str]:
    composed = {label for name, label in labels.items() if name == label}
    twice = sorted(
        {
            label
            for name, label in labels.items()
            if name not in composed and unicodedata.normalize("NFC", name) in composed
        }
    )
    if not twice:
        return []
    return [f"names in two Unicode forms are taken for one class each: {some(twice)}"]


def _check_writable(names: Mapping[str, Iterable[str]], where: str) -> None:
    every = sorted({name for inside in names.values() for name in inside})
    foreign = [quoted(name) for name in every if any("\ud800" <= c <= "\udfff" for c in name)]
    if foreign:
        raise DataError(
            f"{where}: the class {_names(foreign)} that {'is' if len(foreign) == 1 else 'are'} no "
            f"UTF-8; rename the folder{'' if len(foreign) == 1 else 's'}"
        )
    broken = [repr(name) for name in every if "\n" in name or "\r" in name]
    if broken:
        raise DataError(
            f"{where}: the class {_names(broken)} with a line break in it; rename the folder"
            f"{'' if len(broken) == 1 else 's'}"
        )


def _names(names: list[str]) -> str:
    if len(names) == 1:
        return f"folder {names[0]} has a name"
    return f"folders {some(names)} have names"
