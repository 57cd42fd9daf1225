"""Damaged model files, and a process that classifies a picture with each: see test_fuzz.py.

python fuzz.py MODEL FIRST COUNT [LABEL ...] prints a line for each number from FIRST on: the
number, and "classified" or what is wrong with the file. It ends by a signal where a file crashes or
hangs it.
"""

import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

# One file, its sandboxed load check included.
SECONDS = 100

_WORDS = (0, 1, 2, 3, 4, 8, 16, 127, 255, 256, 4096, 65535, 65536, 2**24, 2**30, 2**31 - 1, 2**31)
_NEGATIVE = (2**32 - 1, 2**32 - 2, 2**32 - 16)


def damaged(content: bytes, number: int) -> bytes:
    """The file with the damage of this number: always the same, and never none.

    Every third damage is one that the check of the structure does not find, so that the interpreter
    and what guards it get their share.
    """
    for attempt in range(1000):
        data = _damaged(content, np.random.default_rng([number, attempt]))
        if number % 3 or _passes_the_structure_check(data):
            break
    return data


def _passes_the_structure_check(data: bytes) -> bool:
    from edgetl.edge.model.associated_files import read_associated_files
    from edgetl.edge.model.verify.tflite import check_tflite

    try:
        check_tflite(data[: read_associated_files(data)[1]])
    except ValueError:
        return False
    return data[4:8] == b"TFL3"


def _damaged(content: bytes, random: np.random.Generator) -> bytes:
    data = bytearray(content)
    while bytes(data) == content:
        index, other = (int(n) for n in random.integers(0, len(data), 2))
        length = int(random.choice([1, 2, 4, 16, 100]))
        _DAMAGES[int(random.integers(0, len(_DAMAGES)))](data, random, index, other, length)
        if not data:
            data = bytearray(content)
    return bytes(data)


Damage = Callable[[bytearray, np.random.Generator, int, int, int], None]


def _flip_a_bit(data: bytearray, random: np.random.Generator, index: int, *_: int) -> None:
    data[index] ^= 1 << int(random.integers(0, 8))


def _change_bytes(data: bytearray, random: np.random.Generator, *_: int) -> None:
    for at in random.integers(0, len(data), random.integers(2, 9)):
        data[at] = int(random.integers(0, 256))


def _cut(data: bytearray, random: np.random.Generator, index: int, *_: int) -> None:
    del data[index:]


def _insert(
    data: bytearray, random: np.random.Generator, index: int, other: int, length: int
) -> None:
    data[index:index] = random.bytes(length)


def _insert_zeros(
    data: bytearray, random: np.random.Generator, index: int, other: int, length: int
) -> None:
    data[index:index] = bytes(length)


def _delete(
    data: bytearray, random: np.random.Generator, index: int, other: int, length: int
) -> None:
    del data[index : index + length]


def _repeat(
    data: bytearray, random: np.random.Generator, index: int, other: int, length: int
) -> None:
    data[index:index] = data[other : other + length]


def _overwrite(
    data: bytearray, random: np.random.Generator, index: int, other: int, length: int
) -> None:
    data[index : index + length] = data[other : other + length]


def _change_words(data: bytearray, random: np.random.Generator, *_: int) -> None:
    for at in random.integers(0, len(data) - 4, random.integers(1, 4)):
        word = int(random.choice(_WORDS + _NEGATIVE))
        # Fields of tables lie at multiples of their size.
        start = int(at) // 4 * 4
        data[start : start + 4] = word.to_bytes(4, "little")


_DAMAGES: list[Damage] = [
    _flip_a_bit, _flip_a_bit, _change_bytes, _cut, _insert, _insert_zeros, _delete, _repeat,
    _overwrite, _change_words, _change_words, _change_words,
]  # fmt: skip


def outcome(path: Path, labels: list[str] | None) -> str:
    """What classifying a picture with a model comes to, in one line."""
    from edgetl.edge import Classifier, EdgetlError

    picture = np.full((40, 30, 3), (30, 200, 90), np.uint8)
    try:
        predictions = Classifier(path, labels=labels, threads=1).classify(picture)
    except EdgetlError as error:
        message = str(error)
        clear = len(message.splitlines()) == 1 and str(path) in message
        return message if clear else f"UNCLEAR {message!r}"
    except BaseException as error:
        traceback.print_exc()
        return f"UNEXPECTED {type(error).__name__}"
    sane = all(0 <= p.probability <= 1.01 for p in predictions)
    return "classified" if sane else f"NO PROBABILITIES {predictions}"


def main() -> None:
    model, first, count, *labels = sys.argv[1:]
    content = Path(model).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "damaged.tflite")
        for number in range(int(first), int(first) + int(count)):
            path.write_bytes(damaged(content, number))
            signal.alarm(SECONDS)
            line = outcome(path, labels or None)
            signal.alarm(0)
            print(number, line.replace(f"{path}: ", ""), flush=True)
    assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main()
