"""Files that are no model, and files of labels."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import ModelFileError
from edgetl.edge.model.labels import read_labels
from tests.edge.model_reading import outcome, refusal
from tests.third_party import LABELS


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\0\0\0\0", b"GIF89a" * 9, b"\x89PNG\r\n\x1a\n" * 20], ids=repr
)
def test_another_file_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    assert refusal(path) == "not a TFLite model"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.tflite") == "no such file or directory"
    assert refusal(tmp_path) == (
        "a folder, not a model file; give a .tflite file, as edgetl export writes into a run's "
        "exports/"
    )


def test_of_a_folder_with_models_the_file_to_give_is_named(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    assert refusal(tmp_path) == "has no exported model yet; make one with: edgetl export"
    for age, name in ((30, "model.float32"), (10, "model.int8"), (0, "model.int8.rejected")):
        (exports / f"{name}.tflite").touch()
        when = time.time() - age
        os.utime(exports / f"{name}.tflite", (when, when))
    newest = exports / "model.int8.tflite"
    assert refusal(tmp_path) == f"a run folder, not a model file; give {newest}"
    (exports / "model.float32.tflite").unlink()
    assert refusal(exports) == f"a folder, not a model file; give {newest}"


def test_a_pipe_and_a_device_are_refused_unread(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.tflite"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        # The one would be waited for without end, the other read until there is no memory.
        code = (
            "import resource, sys\n"
            "from edgetl.edge.model.model_file import read_model_file\n"
            "resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))\n"
            "read_model_file(sys.argv[1])"
        )
        command = [sys.executable, "-c", code, str(path)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert f"ModelFileError: {path}: a pipe or device" in result.stderr


def test_random_bytes_behind_the_identifier_is_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    path = tmp_path / "data.tflite"
    for _ in range(300):
        length = int(random.integers(0, 400))
        # Small offsets, so that some lead into the bytes instead of out of it.
        root = int(random.integers(0, 40)).to_bytes(4, "little")
        high = int(random.choice([4, 32, 256]))
        data = random.integers(0, high, length).astype(np.uint8).tobytes()
        assert outcome(path, root + b"TFL3" + data, LABELS) != "read"


@pytest.mark.parametrize("name", ["uint8", "described"])
def test_any_flipped_byte_gives_a_model_or_a_refusal(
    third_party_models: Path, tmp_path: Path, name: str
) -> None:
    random = np.random.default_rng(17)
    content = (third_party_models / f"{name}.tflite").read_bytes()
    path = tmp_path / "flipped.tflite"
    outcomes = []
    for offset in random.integers(8, len(content), 400):
        flipped = bytearray(content)
        flipped[offset] ^= 1 << random.integers(0, 8)
        outcomes.append(outcome(path, bytes(flipped), LABELS))
    refused = [message for message in outcomes if message != "read"]
    assert 0 < len(refused) < len(outcomes)
    assert all(len(message.splitlines()) == 1 for message in refused)


# Labels files


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        (b"cat\ndog\n", ("cat", "dog")),
        (b"cat\r\ndog", ("cat", "dog")),
        (b"\xef\xbb\xbfcat\ndog\n\n", ("cat", "dog")),
        ("черный кот\nl'été\n".encode(), ("черный кот", "l'été")),
        ("a\u2028b\nc".encode(), ("a\u2028b", "c")),
        (b"", ()),
    ],
)
def test_a_labels_file_is_one_label_a_line(
    tmp_path: Path, data: bytes, labels: tuple[str, ...]
) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(data)
    assert read_labels(path) == labels


@pytest.mark.parametrize("data", [b"caf\xe9\n", b"\xff\xfea\0b\0", b"\x80"])
def test_a_labels_file_that_is_not_utf8_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=f"{re.escape(str(path))}: not a text file"):
        read_labels(path)


def test_a_missing_labels_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none\.txt: no such file"):
        read_labels(tmp_path / "none.txt")
