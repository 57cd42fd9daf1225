"""Damaged model files, and a process that classifies a picture with each: see test_fuzz.py.

python fuzz.py MODEL RUNTIME FIRST COUNT [LABEL ...] prints a line for each number from FIRST on:
the number, and "classified" or what is wrong with the file; on stderr the longest time and the most
memory. It ends by a signal where a file crashes or hangs it.
"""

import hashlib
import json
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

# One file, its sandboxed load check included.
SECONDS = 20

_WORDS = (0, 1, 2, 3, 4, 8, 16, 127, 255, 256, 4096, 65535, 65536, 2**24, 2**30, 2**31 - 1, 2**31)
_NEGATIVE = (2**32 - 1, 2**32 - 2, 2**32 - 16)


def damaged(content: bytes, number: int) -> bytes:
    """The file with the damage of this number: always the same, and never none.

    Every third damage is one that the check of the structure does not find, so that the interpreter
    and what guards it get their share. Of a file with a manifest every other damage is signed
    again, as anyone can.
    """
    for attempt in range(1000):
        data = _damaged(content, np.random.default_rng([number, attempt]))
        if number % 2:
            data = resigned(data)
        if number % 3 or _passes_the_structure_check(data):
            break
    return data


def resigned(data: bytes) -> bytes:
    """The file with the checksum of its model in its manifest; as it is if it has none."""
    from edgetl.edge.model.associated_files import read_associated_files, with_files

    files, model_bytes = read_associated_files(data)
    try:
        manifest = json.loads(files["edgetl.json"])
        manifest["model_bytes"] = model_bytes
        manifest["model_sha256"] = hashlib.sha256(data[:model_bytes]).hexdigest()
    except (KeyError, TypeError, ValueError):
        return data
    return with_files(data[:model_bytes], files | {"edgetl.json": json.dumps(manifest).encode()})


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


def outcome(path: Path, runtime: str, labels: list[str] | None) -> str:
    """What classifying a picture with a model comes to, in one line."""
    from edgetl.edge import Classifier, EdgetlError

    picture = np.full((40, 30, 3), (30, 200, 90), np.uint8)
    try:
        classifier = Classifier(path, labels=labels, runtime=runtime, threads=1)
        predictions = classifier.classify(picture)
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
    model, runtime, first, count, *labels = sys.argv[1:]
    content = Path(model).read_bytes()
    longest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "damaged.tflite")
        for number in range(int(first), int(first) + int(count)):
            path.write_bytes(damaged(content, number))
            signal.alarm(SECONDS)
            began = time.monotonic()
            line = outcome(path, runtime, labels or None)
            longest = max(longest, time.monotonic() - began)
            signal.alarm(0)
            print(number, line.replace(f"{path}: ", ""), flush=True)
    # Not our own ru_maxrss, in which is what the process that started us had.
    status = Path("/proc/self/status").read_text(encoding="ascii").split()
    own = int(status[status.index("VmHWM:") + 1])
    most = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    print(f"{longest:.1f} s, {most / 1024:.0f} MB", file=sys.stderr)
    assert most < 1_000_000, "more than 1 GB"
    assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main()
