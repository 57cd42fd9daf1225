"""Reading a .tflite image classifier: its tensors, labels, input scaling and edgetl.json.

A model file is a TFLite flatbuffer, in which the entry TFLITE_METADATA describes input and output,
followed by a zip archive of the files that the metadata names (TFLite Metadata:
https://ai.google.dev/edge/litert/models/metadata). edgetl adds one more file, edgetl.json.
"""

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.edge.errors import ModelFileError, SettingError, plural, quoted, reason
from edgetl.edge.model.associated_files import read_associated_files
from edgetl.edge.model.input_size import InputSize, ResizeMode
from edgetl.edge.model.labels import in_index_order, parse_labels
from edgetl.edge.model.latest import not_a_model
from edgetl.edge.model.normalization import Normalization
from edgetl.edge.model.verify import schema
from edgetl.edge.model.verify.graph import OutputValues, output_values
from edgetl.edge.model.verify.schema import Table
from edgetl.edge.model.verify.tried import has_sound_structure
from edgetl.edge.system.files import read_regular_file

MANIFEST_NAME = "edgetl.json"
LABELS_NAME = "labels.txt"
MANIFEST_FORMAT = 1

# Of one side; larger inputs are a mistake, or a damaged file, that would take all memory.
_MAX_PIXELS = 4096
_MAX_BYTES = 512 * 10**6
_MAX_MANIFEST_BYTES = 4_000_000

# The operator that edgetpu_compiler puts in place of those that the Edge TPU takes over.
_EDGE_TPU = "edgetpu-custom-op"


@dataclass(frozen=True)
class TensorSpec:
    """An input or output: real value = scale * (stored value - zero_point) where scale is not 0."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


@dataclass(frozen=True)
class ModelFile:
    """A classifier read from disk and checked. `content` is the whole file, as runtimes take it.

    `sha256` is that of the model part, without the zip archive, and `content_sha256` of the whole.
    `manifest` is edgetl.json, None if the file holds none: anyone can write one, so that it shows
    that the file is not damaged, and not who made it.
    """

    path: Path
    content: bytes
    model_bytes: int
    sha256: str
    content_sha256: str
    name: str
    description: str
    author: str
    version: str
    input: TensorSpec
    output: TensorSpec
    output_values: OutputValues
    input_size: InputSize
    normalization: Normalization | None
    labels: tuple[str, ...]
    associated_files: tuple[str, ...]
    manifest: Mapping[str, Any] | None


# What reading meets in a damaged file: edge.model.verify.tflite's ValueError, and whatever comes of
# numbers and text that are not what they should be.
_SIGNS_OF_DAMAGE = (
    struct.error,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    RecursionError,
    SettingError,
)


def read_model_file(
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    normalization: Normalization | None = None,
) -> ModelFile:
    """Read and check a .tflite image classifier.

    Args:
        path: the file.
        labels: names of the outputs in order; needed only where the file holds none.
        normalization: what the model expects of a pixel; needed only where it takes float32 and the
            file does not say.

    Raises:
        ModelFileError: the file is missing, a folder, a pipe or device, larger than 512 MB, cut
            off, changed, no TFLite model or no image classifier, or the number of labels is not
            that of outputs.
    """
    path = Path(path)
    try:
        content = read_regular_file(path, at_most=_MAX_BYTES)
    except OSError as error:
        # Not by the kind of error: Windows refuses to open a folder for want of permission.
        if path.is_dir():
            raise not_a_model(path) from error
        raise ModelFileError(f"{quoted(path)}: {reason(error)}") from error
    if len(content) < 8 or content[4:8] != schema.MODEL_IDENTIFIER:
        raise ModelFileError(f"{quoted(path)}: not a TFLite model")
    try:
        return _parse(path, content, labels, normalization)
    except _SIGNS_OF_DAMAGE as error:
        raise ModelFileError(
            f"{quoted(path)}: damaged or cut-off TFLite model; copy it here again"
        ) from error


def _parse(
    path: Path,
    content: bytes,
    given_labels: Sequence[str] | None,
    given_normalization: Normalization | None,
) -> ModelFile:
    associated, model_bytes = read_associated_files(content)
    flatbuffer = memoryview(content)[:model_bytes]  # not a copy of megabytes
    digest = hashlib.sha256(flatbuffer)
    sha256 = digest.hexdigest()
    digest.update(memoryview(content)[model_bytes:])
    content_sha256 = digest.hexdigest()
    manifest = _manifest(path, associated, model_bytes, sha256)
    if not has_sound_structure(content_sha256):
        _check_structure(bytes(flatbuffer))
    model = Table.root("Model", flatbuffer)
    subgraphs = model.children("subgraphs")
    if not subgraphs:
        raise ModelFileError(f"{quoted(path)}: a TFLite model without a graph")
    if any(code.string("custom_code") == _EDGE_TPU for code in model.children("operator_codes")):
        raise ModelFileError(
            f"{quoted(path)}: compiled for a Coral Edge TPU; use the file without _edgetpu"
        )
    inputs = _tensors(path, subgraphs[0], "inputs")
    outputs = _tensors(path, subgraphs[0], "outputs")
    _check_classifier(path, inputs, outputs)

    packed = _metadata(model)
    metadata = Table.root("ModelMetadata", packed) if packed else Table.empty("ModelMetadata")
    _check_associated(path, metadata, associated)
    if manifest:
        _check_manifest(manifest, inputs[0], associated)
    subgraph = next(iter(metadata.children("subgraphs")), None)
    normalization = given_normalization or _normalization(path, subgraph)
    found = _labels(path, subgraph, associated)
    if manifest is None:
        found = in_index_order(found)
    names = tuple(given_labels) if given_labels is not None else found
    classes = outputs[0].shape[-1]
    if not names and given_labels is None:
        raise ModelFileError(
            f"{quoted(path)}: holds no labels; name them with --labels FILE, "
            f"one a line for its {classes} outputs"
        )
    if len(names) != classes:
        given = "" if given_labels is None else " in --labels"
        raise ModelFileError(
            f"{quoted(path)}: has {classes} outputs but "
            f"{plural(len(names), 'label')}{given}; the two must be equal"
        )
    height, width = inputs[0].shape[1:3]
    resize_mode: ResizeMode = manifest["input"]["fit"] if manifest else "stretch"
    return ModelFile(
        path=path,
        content=content,
        model_bytes=model_bytes,
        sha256=sha256,
        content_sha256=content_sha256,
        name=metadata.string("name") or path.stem,
        description=metadata.string("description") or "",
        author=metadata.string("author") or "",
        version=metadata.string("version") or "",
        input=inputs[0],
        output=outputs[0],
        output_values=output_values(model),
        input_size=InputSize(height, width, resize_mode),
        normalization=normalization,
        labels=names,
        associated_files=tuple(associated),
        manifest=manifest,
    )


def _manifest(
    path: Path, associated: Mapping[str, bytes], model_bytes: int, sha256: str
) -> Mapping[str, Any] | None:
    if MANIFEST_NAME not in associated:
        return None
    if len(associated[MANIFEST_NAME]) > _MAX_MANIFEST_BYTES:
        raise ValueError(f"{MANIFEST_NAME} of {len(associated[MANIFEST_NAME])} bytes")
    manifest: Mapping[str, Any] = json.loads(associated[MANIFEST_NAME])
    if manifest["format"] > MANIFEST_FORMAT:
        raise ModelFileError(
            f"{quoted(path)}: made by edgetl {quoted(manifest['edgetl'])}, which is newer than "
            f"this one; upgrade with: pip install -U edgetl"
        )
    if (manifest["model_bytes"], manifest["model_sha256"]) != (model_bytes, sha256):
        raise ModelFileError(
            f"{quoted(path)}: its SHA-256 is not the one it was exported with; copy it here again"
        )
    return manifest


def _check_associated(path: Path, metadata: Table, associated: Mapping[str, bytes]) -> None:
    """A file that edgetl made says so in its metadata; without its manifest it is refused."""
    for file in metadata.children("associated_files"):
        if file.string("name") == MANIFEST_NAME and MANIFEST_NAME not in associated:
            raise _missing(path, MANIFEST_NAME)


def _missing(path: Path, name: str) -> ModelFileError:
    return ModelFileError(
        f"{quoted(path)}: its file {quoted(name)} is missing from its end, so it was cut off or "
        f"damaged; copy it here again"
    )


def _check_manifest(
    manifest: Mapping[str, Any], spec: TensorSpec, associated: Mapping[str, bytes]
) -> None:
    size = (manifest["input"]["height"], manifest["input"]["width"])
    if (
        parse_labels(associated[LABELS_NAME]) != tuple(manifest["classes"])
        or spec.shape[1:3] != size
    ):
        raise ValueError(f"{MANIFEST_NAME} does not fit the model")


def _tensors(path: Path, subgraph: Table, field: str) -> list[TensorSpec]:
    tensors = subgraph.children("tensors")
    specs = []
    for index in subgraph.numbers(field):
        tensor = tensors[index]
        kind = tensor.number("type")
        name = tensor.string("name") or ""
        if kind not in schema.DTYPES:
            raise ModelFileError(
                f"{quoted(path)}: not an image classifier: tensor {name!r} is neither float32, "
                f"uint8 nor int8"
            )
        quantization = tensor.child("quantization")
        # Per tensor, not per channel: inputs and outputs have one scale.
        scales, zeros = (
            quantization.numbers(field)[:1].tolist() if quantization else []
            for field in ("scale", "zero_point")
        )
        dtype: np.dtype[Any] = np.dtype(schema.DTYPES[kind])
        scale, zero_point = float(scales[0]) if scales else 0.0, int(zeros[0]) if zeros else 0
        if not (math.isfinite(scale) and scale >= 0):
            raise ValueError(f"tensor {name!r} has steps of {scale}")
        if dtype != np.float32 and not np.iinfo(dtype).min <= zero_point <= np.iinfo(dtype).max:
            raise ValueError(f"tensor {name!r} has zero point {zero_point}")
        shape = tuple(tensor.numbers("shape").tolist())
        specs.append(TensorSpec(name, shape, dtype, scale, zero_point))
    return specs


def _check_classifier(path: Path, inputs: list[TensorSpec], outputs: list[TensorSpec]) -> None:
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelFileError(
            f"{quoted(path)}: not an image classifier: it has {len(inputs)} inputs and "
            f"{len(outputs)} outputs, not one of each"
        )
    shape = inputs[0].shape
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or min(shape) < 1:
        layout = " (channels first, NCHW)" if len(shape) == 4 and shape[1] == 3 else ""
        raise ModelFileError(
            f"{quoted(path)}: takes input {list(shape)}{layout}; an image classifier here takes "
            f"[1, height, width, 3]"
        )
    if max(shape) > _MAX_PIXELS:
        raise ModelFileError(
            f"{quoted(path)}: takes input {list(shape)}, which is more than {_MAX_PIXELS} pixels "
            f"a side"
        )
    shape = outputs[0].shape
    if len(shape) < 2 or shape[-1] < 2 or int(np.prod(shape)) != shape[-1]:
        raise ModelFileError(
            f"{quoted(path)}: gives output {list(shape)}; a classifier gives [1, classes], "
            f"2 classes or more"
        )


def _check_structure(flatbuffer: bytes) -> None:
    # Imported here: a file that was tried before need not wait for these.
    from edgetl.edge.model.verify.flatbuffer import check_flatbuffer
    from edgetl.edge.model.verify.tflite import check_tflite

    check_tflite(flatbuffer)
    packed = _metadata(Table.root("Model", flatbuffer))
    if packed:
        check_flatbuffer(packed, schema.KINDS, root="ModelMetadata")


def _metadata(model: Table) -> bytes:
    """The metadata's flatbuffer, empty where the model holds none."""
    buffers = model.children("buffers")
    for entry in model.children("metadata"):
        if entry.string("name") == schema.METADATA_NAME:
            buffer = buffers[entry.number("buffer")]
            data = buffer.numbers("data").tobytes()
            if data[4:8] == schema.METADATA_IDENTIFIER:
                return data
    return b""


def _normalization(path: Path, subgraph: Table | None) -> Normalization | None:
    tensors = subgraph.children("inputs") if subgraph else []
    for unit in tensors[0].children("process_units") if tensors else []:
        if options := unit.child("options"):
            mean = options.numbers("mean")
            std = options.numbers("std")
            numbers = np.concatenate([mean, std])
            if not ({mean.size, std.size} <= {1, 3} and np.isfinite(numbers).all() and std.all()):
                raise ModelFileError(
                    f"{quoted(path)}: its metadata's normalization (mean {mean.tolist()}, std "
                    f"{std.tolist()}) does not fit RGB pixels"
                )
            return Normalization(tuple(map(float, mean)), tuple(map(float, std)))
    return None


def _labels(path: Path, subgraph: Table | None, associated: Mapping[str, bytes]) -> tuple[str, ...]:
    outputs = subgraph.children("outputs") if subgraph else []
    for file in outputs[0].children("associated_files") if outputs else []:
        if file.number("type") == schema.TENSOR_AXIS_LABELS:
            name = file.string("name") or ""
            if name not in associated:
                raise _missing(path, name)
            return parse_labels(associated[name])
    return ()
