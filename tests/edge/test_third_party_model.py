"""Reading models that edgetl did not make."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import plural
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.model_file import read_model_file
from tests.edge.model_reading import outcome, refusal
from tests.third_party import LABELS, SIDE, described


@pytest.mark.parametrize("name", ["uint8", "int8"])
def test_a_quantized_third_party_model_is_read_with_the_caller_s_labels(
    third_party_models: Path, name: str
) -> None:
    model = read_model_file(third_party_models / f"{name}.tflite", labels=LABELS)
    assert (model.input.dtype, model.output.dtype) == (np.dtype(name), np.dtype(name))
    assert model.output.scale == pytest.approx(1 / 256)
    assert model.input_size == InputSize(SIDE, SIDE, "stretch")
    assert model.labels == LABELS
    assert (model.manifest, model.normalization, model.associated_files) == (None, None, ())
    assert model.name == name


def test_a_described_third_party_model_is_read_with_its_own_labels(
    third_party_models: Path,
) -> None:
    model = read_model_file(third_party_models / "described.tflite")
    assert model.labels == LABELS
    assert model.name == "Mean colours"
    assert model.normalization is not None
    assert (model.normalization.mean, model.normalization.std) == ((127.5,), (127.5,))
    assert model.associated_files == ("names.txt",)


def test_a_model_without_labels_says_how_to_give_them(third_party_models: Path) -> None:
    message = refusal(third_party_models / "uint8.tflite")
    assert "--labels FILE" in message
    assert "3 outputs" in message


@pytest.mark.parametrize("labels", [("a",), ("a", "b"), ("a", "b", "c", "d")], ids=len)
def test_a_wrong_number_of_labels_is_refused(
    third_party_models: Path, labels: tuple[str, ...]
) -> None:
    message = refusal(third_party_models / "uint8.tflite", labels)
    assert f"3 outputs but {plural(len(labels), 'label')} in --labels" in message


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
    third_party_models: Path, name: str, words: str
) -> None:
    assert words in refusal(third_party_models / f"{name}.tflite", LABELS)


def test_another_file_named_like_our_manifest_is_refused(
    third_party_models: Path, tmp_path: Path
) -> None:
    plain = (third_party_models / "float32.tflite").read_bytes()
    files = {"names.txt": b"a\nb\nc", "edgetl.json": b"[1]"}
    path = tmp_path / "m.tflite"
    path.write_bytes(described(plain, mean=[0], std=[1], files=files))
    assert refusal(path)


def test_labels_in_the_file_that_are_not_utf8_are_refused(
    third_party_models: Path, tmp_path: Path
) -> None:
    plain = (third_party_models / "float32.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(described(plain, mean=[0], std=[1], files={"names.txt": b"\xff\xfe\x80"}))
    assert refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_to_compressed_labels_is_refused(
    third_party_models: Path, tmp_path: Path, method: int
) -> None:
    plain = (third_party_models / "described.tflite").read_bytes()
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        start = archive.infolist()[0].header_offset
    packed = io.BytesIO(plain[:start])
    with zipfile.ZipFile(packed, "a", method) as archive:
        archive.writestr("names.txt", "blue\ngreen\nred\n" * 40)
    content = packed.getvalue()
    path = tmp_path / "m.tflite"
    # What follows the local header of 30 bytes and the name is the compressed text.
    for offset in range(start + 39, start + 60):
        assert outcome(path, content[:offset] + b"\xaa" + content[offset + 1 :]) != "read"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_associated_file_that_unpacks_to_gigabytes_is_not_unpacked(
    third_party_models: Path, tmp_path: Path, method: int
) -> None:
    path = tmp_path / "m.tflite"
    packed = io.BytesIO((third_party_models / "float32.tflite").read_bytes())
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


def test_the_name_of_a_missing_file_stays_on_its_line(
    third_party_models: Path, tmp_path: Path
) -> None:
    content = (third_party_models / "described.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(content.replace(b"names.txt", b"names\ntxt", 1))
    assert r"its file names\ntxt is missing" in refusal(path)


def test_an_input_of_more_pixels_than_a_picture_has_is_refused(
    third_party_models: Path, tmp_path: Path
) -> None:
    from tensorflow.lite.tools import flatbuffer_utils as tools

    model = tools.convert_bytearray_to_object(
        bytearray((third_party_models / "uint8.tflite").read_bytes())
    )
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, 5000, 5000, 3]
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes(tools.convert_object_to_bytearray(model)))
    assert "more than 4096 pixels a side" in refusal(path, LABELS)


@pytest.mark.parametrize(("scale", "zero_point"), [(np.nan, 0), (np.inf, 0), (-1, 0), (1, 256)])
def test_a_scale_or_zero_point_out_of_range_is_refused(
    third_party_models: Path, tmp_path: Path, scale: float, zero_point: int
) -> None:
    from tensorflow.lite.tools import flatbuffer_utils as tools

    model = tools.convert_bytearray_to_object(
        bytearray((third_party_models / "uint8.tflite").read_bytes())
    )
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.outputs[0]].quantization
    quantization.scale, quantization.zeroPoint = [scale], [zero_point]
    path = tmp_path / "m.tflite"
    path.write_bytes(bytes(tools.convert_object_to_bytearray(model)))
    assert "damaged" in refusal(path, LABELS)


@pytest.mark.parametrize("labels", [LABELS, None], ids=["labels", "no labels"])
def test_a_model_for_an_edge_tpu_is_named_as_such(
    third_party_models: Path, tmp_path: Path, labels: tuple[str, ...] | None
) -> None:
    from tensorflow.lite.tools import flatbuffer_utils as tools

    content = (third_party_models / "uint8.tflite").read_bytes()
    model = tools.convert_bytearray_to_object(bytearray(content))
    code = model.operatorCodes[0]
    # BuiltinOperator_CUSTOM, as edgetpu_compiler writes it.
    code.deprecatedBuiltinCode = code.builtinCode = 32
    code.customCode = b"edgetpu-custom-op"
    path = tmp_path / "m_edgetpu.tflite"
    path.write_bytes(bytes(tools.convert_object_to_bytearray(model)))
    line = "compiled for a Coral Edge TPU; use the file without _edgetpu"
    assert refusal(path, labels).endswith(line)
