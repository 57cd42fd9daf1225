"""Files of labels as programs write them, and other text that a person names."""

import os
from pathlib import Path

import pytest

from edgetl.edge.errors import ModelFileError
from edgetl.edge.model.labels import read_labels
from edgetl.edge.model.latest import latest_run
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.system.files import read_json, read_regular_file
from tests.third_party import LABELS, described


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("0 cat\n1 dog\n", ("cat", "dog")),  # Teachable Machine
        ("0  background\n1  tench, Tinca tinca \n", ("background", "tench, Tinca tinca")),  # Coral
        ("1 dog\r\n0 cat\r\n", ("cat", "dog")),
        ("2 c\n0 a\n1 b\n3 d", ("a", "b", "c", "d")),
        # Taken as they are: no index, one twice, one too large, nothing behind it.
        ("0 cat\ndog\n", ("0 cat", "dog")),
        ("1 cat\n1 dog\n", ("1 cat", "1 dog")),
        ("1 cat\n2 dog\n", ("1 cat", "2 dog")),
        ("0\n1\n", ("0", "1")),
        ("7 eleven\nzebra\n", ("7 eleven", "zebra")),
    ],
)  # fmt: skip
def test_indices_put_labels_in_order_and_are_left_out(
    tmp_path: Path, text: str, labels: tuple[str, ...]
) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(text.encode())
    assert read_labels(path) == labels


def test_so_do_those_inside_a_third_party_model(third_party_models: Path, tmp_path: Path) -> None:
    plain = (third_party_models / "float32.tflite").read_bytes()
    files = {"names.txt": b"2 red\n0 blue\n1 green\n"}
    path = tmp_path / "m.tflite"
    path.write_bytes(described(plain, mean=[127.5], std=[127.5], files=files))
    assert read_model_file(path).labels == LABELS


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_no_file_of_labels(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "labels.txt")
    with pytest.raises(ModelFileError, match=r"labels\.txt: a pipe or device, not a file"):
        read_labels(tmp_path / "labels.txt")
    (tmp_path / "labels.txt").rename(tmp_path / "latest")
    assert latest_run(tmp_path) is None


def test_labels_of_a_gigabyte_and_models_of_nine_are_not_read(tmp_path: Path) -> None:
    labels, model = tmp_path / "labels.txt", tmp_path / "m.tflite"
    labels.touch()
    os.truncate(labels, 10**9)
    with pytest.raises(ModelFileError, match=r"labels\.txt: larger than 4,000,000 bytes"):
        read_labels(labels)
    model.write_bytes(b"\0\0\0\0TFL3")
    os.truncate(model, 9 * 10**9)
    with pytest.raises(ModelFileError, match=r"m\.tflite: larger than 512,000,000 bytes"):
        read_model_file(model)


def test_many_labels_inside_a_model_are_damage(third_party_models: Path, tmp_path: Path) -> None:
    plain = (third_party_models / "float32.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(
        described(plain, mean=[127.5], std=[127.5], files={"names.txt": b"a\n" * 5_000_000})
    )
    with pytest.raises(ModelFileError, match=r"m\.tflite: damaged"):
        read_model_file(path)


def test_a_regular_file_is_read_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_regular_file(path, at_most=5) == b"12345"
    with pytest.raises(OSError, match="larger than"):
        read_regular_file(path, at_most=4)
    path.write_bytes(b"")
    assert read_regular_file(path, at_most=0) == b""
    with pytest.raises(IsADirectoryError):
        read_regular_file(tmp_path, at_most=5)
    if Path("/proc/self/status").exists():
        # It says that it is empty.
        assert read_regular_file(Path("/proc/self/status"), at_most=10**6).startswith(b"Name:")
        with pytest.raises(OSError, match="larger than"):
            read_regular_file(Path("/proc/self/status"), at_most=100)


def test_json_that_is_nested_too_deeply_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path, at_most=10**6)
