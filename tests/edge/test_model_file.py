"""Reading model files: ours, other people's, and everything that is neither."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgetl
from edgetl.edge.errors import ModelFileError
from edgetl.edge.model.info import describe
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.model_file import ModelFile, read_labels, read_model_file
from tests.edge.conftest import LABELS, SIDE, described


def refusal(path: Path, labels: tuple[str, ...] | None = None) -> str:
    """The message of the ModelFileError that reading `path` gives: one line that names it."""
    with pytest.raises(ModelFileError) as caught:
        read_model_file(path, labels=labels)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def outcome(path: Path, content: bytes, labels: tuple[str, ...] | None = None) -> str:
    """What reading `content` comes to: "read", or the message; another exception is a failure."""
    path.write_bytes(content)
    try:
        read_model_file(path, labels=labels)
    except ModelFileError as error:
        return str(error)
    return "read"


# Our own exports


@pytest.mark.parametrize(
    ("kind", "dtype", "scale"), [("int8", np.uint8, 1.0), ("float32", np.float32, 0.0)]
)
def test_an_export_says_everything_a_client_needs(
    two_class_run: Path, kind: str, dtype: type, scale: float
) -> None:
    path = two_class_run / "exports" / f"model.{kind}.tflite"
    model = read_model_file(path)
    assert model.labels == ("blue", "red")
    assert model.input_size == InputSize(64, 64, "crop")
    assert (model.input.shape, model.input.dtype) == ((1, 64, 64, 3), dtype)
    assert (model.input.scale, model.input.zero_point) == (scale, 0)
    assert (model.output.shape, model.output.dtype) == ((1, 2), np.float32)
    assert model.normalization is not None
    assert (model.normalization.mean, model.normalization.std) == ((0.0,), (1.0,))
    assert set(model.associated_files) == {"labels.txt", "edgetl.json"}
    assert model.content == path.read_bytes()
    assert "blue, red" in model.name
    assert model.author == "edgetl"


def test_an_export_s_card_holds_its_figures_and_checksum(int8_model: Path) -> None:
    model = read_model_file(int8_model)
    card = model.manifest
    assert card is not None
    assert card["edgetl"] == edgetl.__version__
    assert card["input"] == {"height": 64, "width": 64, "fit": "crop", "channels": "RGB"}
    assert card["classes"] == ["blue", "red"]
    assert card["quantization"] == "int8"
    assert 0 <= card["parity"]["runtimes"][0]["parity"]["accuracy"] <= 1
    flatbuffer = int8_model.read_bytes()[: card["model_bytes"]]
    assert card["model_sha256"] == model.sha256 == hashlib.sha256(flatbuffer).hexdigest()


def test_an_export_is_also_a_zip_archive_of_its_files_stored_as_they_are(int8_model: Path) -> None:
    with zipfile.ZipFile(int8_model) as archive:
        assert archive.testzip() is None
        entries = {entry.filename: entry.compress_type for entry in archive.infolist()}
        assert entries == {"labels.txt": zipfile.ZIP_STORED, "edgetl.json": zipfile.ZIP_STORED}
        assert archive.read("labels.txt") == b"blue\nred\n"
        assert json.loads(archive.read("edgetl.json"))["format"] == 1


def buffer_positions(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each non-empty buffer's data lies, by TensorFlow's own reader of the schema."""
    from tensorflow.lite.python import schema_py_generated as tflite

    model = tflite.Model.GetRootAs(bytearray(content), 0)
    for number in range(model.BuffersLength()):
        data = model.Buffers(number).DataAsNumpy()
        if isinstance(data, np.ndarray):
            base = np.frombuffer(model._tab.Bytes, np.uint8)
            yield data.ctypes.data - base.ctypes.data, data.tobytes()


@pytest.mark.parametrize("name", ["int8", "uint8"])
def test_adding_metadata_keeps_every_buffer_and_its_alignment(
    foreign_models: Path, name: str
) -> None:
    from edgetl.trainer.exporting.metadata import Description, with_files, with_metadata

    plain = (foreign_models / f"{name}.tflite").read_bytes()
    packed = with_files(with_metadata(plain, Description("n", "d", "a", "v")), {"labels.txt": b"x"})
    before, after = list(buffer_positions(plain)), list(buffer_positions(packed))
    assert [data for _, data in after[: len(before)]] == [data for _, data in before]
    assert len(after) == len(before) + 1
    for (old, _), (new, _) in zip(before, after, strict=False):
        assert new % 16 == old % 16
    assert after[-1][0] % 16 == 0
    assert any(old % 16 == 0 for old, _ in before)


def test_labels_given_by_the_caller_replace_those_in_the_file(int8_model: Path) -> None:
    assert read_model_file(int8_model, labels=["bleu", "rouge"]).labels == ("bleu", "rouge")


# Damage to our own exports


def test_an_export_cut_off_anywhere_is_refused(int8_model: Path, tmp_path: Path) -> None:
    content = int8_model.read_bytes()
    path = tmp_path / "cut.tflite"
    lengths = {len(content) * percent // 100 for percent in range(0, 100, 5)}
    lengths |= {len(content) - missing for missing in range(1, 51)}
    lengths |= set(range(16))
    for length in sorted(lengths):
        assert outcome(path, content[:length]) != "read", length
        assert outcome(path, content[:length], labels=("a", "b")) != "read", length


def test_one_changed_weight_is_caught_by_the_checksum(int8_model: Path, tmp_path: Path) -> None:
    content = bytearray(int8_model.read_bytes())
    place, _ = max(buffer_positions(bytes(content)), key=lambda item: len(item[1]))
    content[place + 1000] ^= 1
    path = tmp_path / "changed.tflite"
    path.write_bytes(content)
    assert "SHA-256" in refusal(path)
    assert "copy it here again" in refusal(path)


def repacked(model: Path, change: dict[str, Any]) -> bytes:
    """An export with entries of its card changed."""
    with zipfile.ZipFile(model) as archive:
        card = json.loads(archive.read("edgetl.json")) | change
        labels = archive.read("labels.txt")
    packed = io.BytesIO(model.read_bytes()[: card["model_bytes"]])
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("labels.txt", labels)
        archive.writestr("edgetl.json", json.dumps(card))
    return packed.getvalue()


def test_an_export_of_a_newer_edgetl_says_to_upgrade(int8_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "newer.tflite"
    path.write_bytes(repacked(int8_model, {"format": 2, "edgetl": "9.1.0"}))
    assert "edgetl 9.1.0" in refusal(path)
    assert "pip install -U edgetl" in refusal(path)


@pytest.mark.parametrize(
    "change", [{"input": {"fit": "zoom"}}, {"input": None}, {"format": "one"}], ids=str
)
def test_a_card_that_makes_no_sense_is_refused(
    int8_model: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "odd.tflite"
    path.write_bytes(repacked(int8_model, change))
    assert refusal(path)


def test_an_export_whose_archive_is_lost_is_refused_whatever_labels_are_given(
    tiny_export: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(tiny_export)
    flatbuffer = tiny_export[: read_model_file(path).model_bytes]
    for content in (flatbuffer, flatbuffer + bytes(300), tiny_export[:-30]):
        path.write_bytes(content)
        assert "edgetl.json is missing from its end" in refusal(path, LABELS)


def rebuilt(tiny_export: bytes, path: Path, **files: bytes | None) -> None:
    """The export with other files behind it: None leaves one out."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(tiny_export)) as archive:
        start = archive.infolist()[0].header_offset
        held = {name: archive.read(name) for name in archive.namelist()}
    packed.write(tiny_export[:start])
    names = {"labels": "labels.txt", "card": "edgetl.json"}
    held |= {names[name]: data for name, data in files.items()}  # type: ignore[misc]
    with zipfile.ZipFile(packed, "a") as archive:
        for name, data in held.items():
            if data is not None:
                archive.writestr(name, data)
    path.write_bytes(packed.getvalue())


def test_an_export_with_other_labels_than_its_card_is_refused(
    tiny_export: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    rebuilt(tiny_export, path)
    assert read_model_file(path).labels == LABELS
    for labels in (b"green\nblue\nred\n", b"blue\ngreen\n", None):
        rebuilt(tiny_export, path, labels=labels)
        assert "damaged" in refusal(path)
        assert "damaged" in refusal(path, LABELS)


@pytest.mark.parametrize(
    "card", [None, b"", b"{", b"[" * 100_000, b"9" * 5000, b"null", b"\xff"], ids=repr
)
def test_an_export_with_a_broken_card_is_refused(
    tiny_export: bytes, tmp_path: Path, card: bytes | None
) -> None:
    path = tmp_path / "m.tflite"
    rebuilt(tiny_export, path, card=card)
    assert "copy it here again" in refusal(path, LABELS)


def test_any_damage_to_an_attached_file_of_an_export_is_refused(
    tiny_export: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    for data in (b"blue\ngreen", b'"classes"', b'"fit"'):
        place = tiny_export.rindex(data)
        path.write_bytes(tiny_export[:place] + b"X" + tiny_export[place + 1 :])
        assert refusal(path, LABELS)


# Models that edgetl did not make


@pytest.mark.parametrize("name", ["uint8", "int8"])
def test_a_quantized_foreign_model_is_read_with_the_caller_s_labels(
    foreign_models: Path, name: str
) -> None:
    model = read_model_file(foreign_models / f"{name}.tflite", labels=LABELS)
    assert (model.input.dtype, model.output.dtype) == (np.dtype(name), np.dtype(name))
    assert model.output.scale == pytest.approx(1 / 256)
    assert model.input_size == InputSize(SIDE, SIDE, "stretch")
    assert model.labels == LABELS
    assert (model.manifest, model.normalization, model.associated_files) == (None, None, ())
    assert model.name == name


def test_a_described_foreign_model_is_read_with_its_own_labels(foreign_models: Path) -> None:
    model = read_model_file(foreign_models / "described.tflite")
    assert model.labels == LABELS
    assert model.name == "Mean colours"
    assert model.normalization is not None
    assert (model.normalization.mean, model.normalization.std) == ((127.5,), (127.5,))
    assert model.associated_files == ("names.txt",)


def test_a_model_without_labels_says_how_to_give_them(foreign_models: Path) -> None:
    message = refusal(foreign_models / "uint8.tflite")
    assert "--labels FILE" in message
    assert "3 outputs" in message


@pytest.mark.parametrize("labels", [("a",), ("a", "b"), ("a", "b", "c", "d")], ids=len)
def test_a_wrong_number_of_labels_is_refused(foreign_models: Path, labels: tuple[str, ...]) -> None:
    message = refusal(foreign_models / "uint8.tflite", labels)
    assert f"3 outputs but {len(labels)} labels" in message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("channels-first", "[1, 3, 16, 16] (channels first, NCHW)"),
        ("grey", "[1, 16, 16, 1]"),
        ("two-outputs", "1 inputs and 2 outputs"),
        ("one-class", "gives output [1, 1]"),
    ],
)
def test_a_model_that_classifies_no_rgb_pictures_is_refused(
    foreign_models: Path, name: str, words: str
) -> None:
    assert words in refusal(foreign_models / f"{name}.tflite", LABELS)


def test_a_foreign_file_named_like_our_card_is_no_reason_to_crash(
    foreign_models: Path, tmp_path: Path
) -> None:
    plain = (foreign_models / "float32.tflite").read_bytes()
    files = {"names.txt": b"a\nb\nc", "edgetl.json": b"[1]"}
    path = tmp_path / "m.tflite"
    path.write_bytes(described(plain, mean=[0], std=[1], files=files))
    assert refusal(path)


def test_labels_in_the_file_that_are_not_utf8_are_refused(
    foreign_models: Path, tmp_path: Path
) -> None:
    plain = (foreign_models / "float32.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(described(plain, mean=[0], std=[1], files={"names.txt": b"\xff\xfe\x80"}))
    assert refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_to_compressed_labels_is_refused(
    foreign_models: Path, tmp_path: Path, method: int
) -> None:
    plain = (foreign_models / "described.tflite").read_bytes()
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        start = archive.infolist()[0].header_offset
    packed = io.BytesIO(plain[:start])
    with zipfile.ZipFile(packed, "a", method) as archive:
        archive.writestr("names.txt", "blue\ngreen\nred\n" * 40)
    content = packed.getvalue()
    path = tmp_path / "m.tflite"
    # What follows the local header of 30 bytes and the name is the compressed text.
    for place in range(start + 39, start + 60):
        assert outcome(path, content[:place] + b"\xaa" + content[place + 1 :]) != "read"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_attached_file_that_unpacks_to_gigabytes_is_not_unpacked(
    foreign_models: Path, tmp_path: Path, method: int
) -> None:
    path = tmp_path / "m.tflite"
    packed = io.BytesIO((foreign_models / "float32.tflite").read_bytes())
    with (
        zipfile.ZipFile(packed, "a", method) as archive,
        archive.open("names.txt", "w", force_zip64=True) as file,
    ):
        for _ in range(200):
            file.write(bytes(2**20))
    path.write_bytes(packed.getvalue())
    tracemalloc.start()
    model = read_model_file(path, labels=LABELS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.associated_files == ()
    assert peak < 20 * 2**20


def test_the_name_of_a_missing_file_stays_on_its_line(foreign_models: Path, tmp_path: Path) -> None:
    content = (foreign_models / "described.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(content.replace(b"names.txt", b"names\ntxt", 1))
    assert r"its file names\ntxt is missing" in refusal(path)


def test_an_input_of_more_pixels_than_a_picture_has_is_refused(
    foreign_models: Path, tmp_path: Path
) -> None:
    from tensorflow.lite.tools import flatbuffer_utils as tools

    model = tools.convert_bytearray_to_object(
        bytearray((foreign_models / "uint8.tflite").read_bytes())
    )
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, 5000, 5000, 3]
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes(tools.convert_object_to_bytearray(model)))
    assert "more than 4096 pixels a side" in refusal(path, LABELS)


@pytest.mark.parametrize(("scale", "zero_point"), [(np.nan, 0), (np.inf, 0), (-1, 0), (1, 256)])
def test_steps_that_make_no_sense_are_refused(
    foreign_models: Path, tmp_path: Path, scale: float, zero_point: int
) -> None:
    from tensorflow.lite.tools import flatbuffer_utils as tools

    model = tools.convert_bytearray_to_object(
        bytearray((foreign_models / "uint8.tflite").read_bytes())
    )
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.outputs[0]].quantization
    quantization.scale, quantization.zeroPoint = [scale], [zero_point]
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes(tools.convert_object_to_bytearray(model)))
    assert "damaged" in refusal(path, LABELS)


# What is no model at all


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\0\0\0\0", b"GIF89a" * 9, b"\x89PNG\r\n\x1a\n" * 20], ids=repr
)
def test_another_file_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    assert refusal(path) == "not a TFLite model"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.tflite") == "no such file or directory"
    assert refusal(tmp_path) == "is a directory"


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


def test_random_garbage_behind_the_identifier_is_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    path = tmp_path / "garbage.tflite"
    for _ in range(300):
        length = int(random.integers(0, 400))
        # Small offsets, so that some lead into the garbage instead of out of it.
        root = int(random.integers(0, 40)).to_bytes(4, "little")
        high = int(random.choice([4, 32, 256]))
        garbage = random.integers(0, high, length).astype(np.uint8).tobytes()
        assert outcome(path, root + b"TFL3" + garbage, LABELS) != "read"


@pytest.mark.parametrize("name", ["uint8", "described"])
def test_any_flipped_byte_gives_a_model_or_a_refusal(
    foreign_models: Path, tmp_path: Path, name: str
) -> None:
    random = np.random.default_rng(17)
    content = (foreign_models / f"{name}.tflite").read_bytes()
    path = tmp_path / "flipped.tflite"
    outcomes = []
    for place in random.integers(8, len(content), 400):
        flipped = bytearray(content)
        flipped[place] ^= 1 << random.integers(0, 8)
        outcomes.append(outcome(path, bytes(flipped), LABELS))
    refused = [message for message in outcomes if message != "read"]
    assert 0 < len(refused) < len(outcomes)
    assert all(len(message.splitlines()) == 1 for message in refused)


def test_any_flipped_byte_of_an_export_is_refused_or_read_the_same(
    int8_model: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(23)
    content = int8_model.read_bytes()
    whole = read_model_file(int8_model)
    path = tmp_path / "flipped.tflite"
    attached = len(content) - whole.model_bytes
    places = [*random.integers(0, len(content), 60), *-random.integers(1, attached + 1, 140)]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << random.integers(0, 8)
        if outcome(path, bytes(flipped)) == "read":
            model = read_model_file(path)
            assert (model.labels, model.sha256) == (whole.labels, whole.sha256)


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


# What `edgetl info` shows


def test_a_description_is_plain_json(int8_model: Path, foreign_models: Path) -> None:
    def facts(model: ModelFile) -> dict[str, Any]:
        described: dict[str, Any] = json.loads(json.dumps(describe(model)))
        return described

    ours = facts(read_model_file(int8_model))
    assert ours["input"]["shape"] == [1, 64, 64, 3]
    assert (ours["input"]["dtype"], ours["input"]["scale"]) == ("uint8", 1.0)
    assert ours["sha256"] == hashlib.sha256(int8_model.read_bytes()).hexdigest()
    assert ours["edgetl"]["quantization"] == "int8"
    assert ours["output"]["values"] == "probabilities"
    foreign = facts(read_model_file(foreign_models / "uint8.tflite", labels=LABELS))
    assert (foreign["edgetl"], foreign["normalization"]) == (None, None)
    assert foreign["labels"] == list(LABELS)
