"""Reading what `edgetl export` wrote, whole and damaged."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgetl
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.model_file import read_model_file
from tests.edge.model_reading import outcome, refusal
from tests.third_party import LABELS


@pytest.mark.parametrize(
    ("kind", "dtype", "scale"), [("int8", np.uint8, 1.0), ("float32", np.float32, 0.0)]
)
def test_an_export_holds_everything_a_client_needs(
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
    assert set(model.associated_files) == {"labels.txt", "edgetl.json", "features.bin"}
    assert model.content == path.read_bytes()
    assert "blue, red" in model.name
    assert model.author == "edgetl"


def test_an_export_s_manifest_holds_its_figures_and_checksum(int8_model: Path) -> None:
    model = read_model_file(int8_model)
    manifest = model.manifest
    assert manifest is not None
    assert manifest["edgetl"] == edgetl.__version__
    assert manifest["input"] == {"height": 64, "width": 64, "fit": "crop", "channels": "RGB"}
    assert manifest["classes"] == ["blue", "red"]
    assert manifest["quantization"] == "int8"
    assert 0 <= manifest["parity"]["runtimes"][0]["parity"]["accuracy"] <= 1
    flatbuffer = int8_model.read_bytes()[: manifest["model_bytes"]]
    assert manifest["model_sha256"] == model.sha256 == hashlib.sha256(flatbuffer).hexdigest()


def test_an_export_is_also_a_zip_archive_of_its_files_stored_as_they_are(int8_model: Path) -> None:
    with zipfile.ZipFile(int8_model) as archive:
        assert archive.testzip() is None
        entries = {entry.filename: entry.compress_type for entry in archive.infolist()}
        names = ("labels.txt", "edgetl.json", "features.bin")
        assert entries == dict.fromkeys(names, zipfile.ZIP_STORED)
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
    third_party_models: Path, name: str
) -> None:
    from edgetl.edge.model.associated_files import with_files
    from edgetl.edge.model.tflite_metadata import Description
    from edgetl.trainer.exporting.metadata import with_metadata

    plain = (third_party_models / f"{name}.tflite").read_bytes()
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


# Damage


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
    offset, _ = max(buffer_positions(bytes(content)), key=lambda item: len(item[1]))
    content[offset + 1000] ^= 1
    path = tmp_path / "changed.tflite"
    path.write_bytes(content)
    assert "SHA-256" in refusal(path)
    assert "copy it here again" in refusal(path)


def repacked(model: Path, change: dict[str, Any]) -> bytes:
    """An export with entries of its manifest changed."""
    with zipfile.ZipFile(model) as archive:
        manifest = json.loads(archive.read("edgetl.json")) | change
        labels = archive.read("labels.txt")
    packed = io.BytesIO(model.read_bytes()[: manifest["model_bytes"]])
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("labels.txt", labels)
        archive.writestr("edgetl.json", json.dumps(manifest))
    return packed.getvalue()


def test_an_export_of_a_newer_edgetl_says_to_upgrade(int8_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "newer.tflite"
    path.write_bytes(repacked(int8_model, {"format": 2, "edgetl": "9.1.0"}))
    assert "edgetl 9.1.0" in refusal(path)
    assert "pip install -U edgetl" in refusal(path)


@pytest.mark.parametrize(
    "change", [{"input": {"fit": "zoom"}}, {"input": None}, {"format": "one"}], ids=str
)
def test_a_manifest_that_makes_no_sense_is_refused(
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
        files_now = {name: archive.read(name) for name in archive.namelist()}
    packed.write(tiny_export[:start])
    names = {"labels": "labels.txt", "manifest": "edgetl.json"}
    files_now |= {names[name]: data for name, data in files.items()}  # type: ignore[misc]
    with zipfile.ZipFile(packed, "a") as archive:
        for name, data in files_now.items():
            if data is not None:
                archive.writestr(name, data)
    path.write_bytes(packed.getvalue())


def test_an_export_with_other_labels_than_its_manifest_is_refused(
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
    "manifest", [None, b"", b"{", b"[" * 100_000, b"9" * 5000, b"null", b"\xff"], ids=repr
)
def test_an_export_with_a_broken_manifest_is_refused(
    tiny_export: bytes, tmp_path: Path, manifest: bytes | None
) -> None:
    path = tmp_path / "m.tflite"
    rebuilt(tiny_export, path, manifest=manifest)
    assert "copy it here again" in refusal(path, LABELS)


def test_any_damage_to_an_associated_file_of_an_export_is_refused(
    tiny_export: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    for data in (b"blue\ngreen", b'"classes"', b'"fit"'):
        offset = tiny_export.rindex(data)
        path.write_bytes(tiny_export[:offset] + b"X" + tiny_export[offset + 1 :])
        assert refusal(path, LABELS)


def test_any_flipped_byte_of_an_export_is_refused_or_read_the_same(
    int8_model: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(23)
    content = int8_model.read_bytes()
    whole = read_model_file(int8_model)
    path = tmp_path / "flipped.tflite"
    associated = len(content) - whole.model_bytes
    places = [*random.integers(0, len(content), 60), *-random.integers(1, associated + 1, 140)]
    for offset in places:
        flipped = bytearray(content)
        flipped[offset] ^= 1 << random.integers(0, 8)
        if outcome(path, bytes(flipped)) == "read":
            model = read_model_file(path)
            assert (model.labels, model.sha256) == (whole.labels, whole.sha256)
