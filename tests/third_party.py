"""Tiny classifiers that edgetl did not make, and one packed as its own exports are."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

LABELS = ("blue", "green", "red")
SIDE = 16


# What the published quantized MobileNets take: steps of 1/128 about 128.
MOBILENET_SPAN = (-1.0, 0.9921875)


def write_models(folder: Path) -> None:
    """Models that call a picture blue, green or red by its mean colour.

    float32.tflite takes -1..1; uint8.tflite and int8.tflite are quantized in and out; described
    .tflite is the float one with metadata; imagenet.tflite is quantized as the published MobileNets
    are and has 1001 classes, of which the last three are the colours; *-logits.tflite end without
    a softmax, *-sigmoid.tflite in a sigmoid; wide-uint8.tflite takes -3..3 and *-described.tflite
    has metadata that say so; the others are no image classifiers of ours.
    """
    models = {
        "float32": _converted([1, SIDE, SIDE, 3]),
        "uint8": _converted([1, SIDE, SIDE, 3], integer="uint8", span=(0, 255)),
        "int8": _converted([1, SIDE, SIDE, 3], integer="int8"),
        "imagenet": _converted(
            [1, SIDE, SIDE, 3], integer="uint8", span=MOBILENET_SPAN, classes=1001
        ),
        "wide-uint8": _converted([1, SIDE, SIDE, 3], integer="uint8", span=(-3, 3)),
        "float32-logits": _converted([1, SIDE, SIDE, 3], end="logits"),
        "int8-logits": _converted([1, SIDE, SIDE, 3], integer="int8", end="logits"),
        "float32-sigmoid": _converted([1, SIDE, SIDE, 3], end="sigmoid"),
        "channels-first": _converted([1, 3, SIDE, SIDE]),
        "two-outputs": _converted([1, SIDE, SIDE, 3], outputs=2),
        "one-class": _converted([1, SIDE, SIDE, 3], classes=1),
        "grey": _converted([1, SIDE, SIDE, 1]),
    }
    models["described"] = described(models["float32"], mean=[127.5], std=[127.5])
    for name in ("float32-logits", "float32-sigmoid", "int8-logits", "wide-uint8"):
        models[f"{name}-described"] = described(models[name], mean=[127.5], std=[127.5])
    for name, content in models.items():
        (folder / f"{name}.tflite").write_bytes(content)


def packed_export(
    plain: bytes,
    *,
    edgetl: str = "0.1.0",
    labels: tuple[str, ...] = LABELS,
    precision: Mapping[str, Any] | None = None,
) -> bytes:
    """A classifier of colours packed as version `edgetl` of `edgetl export` packs its own.

    `precision` is its record of held-out photos; earlier versions had none.
    """
    from edgetl.edge.model.associated_files import with_files
    from edgetl.edge.model.labels import labels_text
    from edgetl.edge.model.tflite_metadata import Description
    from edgetl.trainer.exporting.metadata import with_metadata

    flatbuffer = with_metadata(plain, Description("colours", "tiny", "edgetl", "1"))
    manifest = {
        "format": 1,
        "edgetl": edgetl,
        "input": {"height": SIDE, "width": SIDE, "fit": "crop", "channels": "RGB"},
        "classes": list(labels),
        **({"precision": precision} if precision else {}),
        "model_bytes": len(flatbuffer),
        "model_sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    files = {
        "labels.txt": labels_text(labels).encode(),
        "edgetl.json": json.dumps(manifest).encode(),
    }
    packed: bytes = with_files(flatbuffer, files)
    return packed


def _converted(
    shape: list[int],
    *,
    integer: str | None = None,
    span: tuple[float, float] = (-1, 1),
    outputs: int = 1,
    classes: int = 3,
    end: str = "softmax",
) -> bytes:
    """A model of pixels scaled to 0..255 or -1..1; quantized, its input covers `span`."""
    tf: Any = pytest.importorskip("tensorflow")
    low, high = span
    # A span wider than -1..1 is one that pixels do not fill.
    spread = 255.0 if high == 255 else 2.0

    class Model(tf.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            # From RGB to the labels' order, the colours last.
            weights = np.eye(3, dtype=np.float32)[:, ::-1] * 6 / spread
            others = max(classes - 3, 0)
            weights = np.pad(weights, ((0, 0), (others, 0)))[:, :classes]
            self.weights = tf.constant(weights[np.newaxis, np.newaxis])
            self.bias = tf.constant([-12.0] * others + [0.0] * (classes - others))

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
        def __call__(self, picture: Any) -> Any:
            if shape[1] == 3:
                picture = tf.transpose(picture, [0, 2, 3, 1])
            if shape[3] == 1:
                picture = tf.tile(picture, [1, 1, 1, 3])
            scores = tf.nn.conv2d(picture, self.weights, 1, "SAME") + self.bias
            logits = tf.reduce_mean(scores, [1, 2])
            ends = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "logits": tf.identity}
            result = tf.reshape(ends[end](logits), [1, classes])
            return [result] if outputs == 1 else [result, logits]

    model = Model()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [model.__call__.get_concrete_function()], model
    )
    if integer:
        corners = np.linspace(low, high, int(np.prod(shape)), dtype=np.float32).reshape(shape)
        one_colour = np.full(shape, low, np.float32)
        one_colour[..., 0] = high
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: iter(
            [[np.roll(one_colour, turn, -1)] for turn in range(3)] + [[corners]]
        )
        converter.inference_input_type = converter.inference_output_type = getattr(tf, integer)
    content: bytes = converter.convert()
    return content


def described(
    model: bytes,
    *,
    mean: list[float],
    std: list[float],
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """The model with TFLite Metadata written by TensorFlow's own schema code, and labels."""
    tools: Any = pytest.importorskip("tensorflow.lite.tools.flatbuffer_utils")
    from tensorflow.lite.python import schema_py_generated as tflite  # type: ignore[import-untyped, unused-ignore]

    content = tools.convert_bytearray_to_object(bytearray(model))
    buffer, entry = tflite.BufferT(), tflite.MetadataT()
    buffer.data = np.frombuffer(_normalization_metadata(mean, std), np.uint8)
    entry.name, entry.buffer = b"TFLITE_METADATA", len(content.buffers)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    packed = io.BytesIO(bytes(tools.convert_object_to_bytearray(content)))
    with zipfile.ZipFile(packed, "a") as archive:
        for name, data in (files or {"names.txt": "\n".join(LABELS).encode()}).items():
            archive.writestr(name, data)
    return packed.getvalue()


def _normalization_metadata(mean: list[float], std: list[float]) -> bytes:
    """metadata_schema.fbs by hand: one input with NormalizationOptions, one labelled output."""
    builder = flatbuffers.Builder(1024)

    def table(fields: int, **slots: int) -> int:
        builder.StartObject(fields)
        for slot, offset in slots.items():
            builder.PrependUOffsetTRelativeSlot(int(slot[1:]), offset, 0)
        return int(builder.EndObject())

    def vector(offset: int) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())

    means = builder.CreateNumpyVector(np.array(mean, np.float32))
    stds = builder.CreateNumpyVector(np.array(std, np.float32))
    options = table(2, _0=means, _1=stds)
    builder.StartObject(2)
    builder.PrependUint8Slot(0, 1, 0)  # ProcessUnitOptions.NormalizationOptions
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    unit = builder.EndObject()
    name = builder.CreateString("names.txt")
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependInt8Slot(2, 2, 0)  # AssociatedFileType.TENSOR_AXIS_LABELS
    file = builder.EndObject()
    inputs = vector(table(7, _4=vector(unit)))
    outputs = vector(table(7, _6=vector(file)))
    subgraphs = vector(table(4, _2=inputs, _3=outputs))
    root = table(8, _0=builder.CreateString("Mean colours"), _3=subgraphs)
    builder.Finish(root, file_identifier=b"M001")
    return bytes(builder.Output())
