"""From a finished run to .tflite files that carry their labels, settings and figures with them."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

import edge
from edge.classifier import Classifier
from edge.errors import EdgetlError, RunFolderError, SettingError, quoted, reason
from edge.files import replacing, write_json
from edge.model_file import (
    CARD_FORMAT,
    CARD_NAME,
    LABELS_NAME,
    ModelFile,
    labels_text,
    read_model_file,
)
from edge.native_log import hidden_native_log
from edge.preprocessing import Pixels
from trainer.conversion import converted, converter_of
from trainer.dataset import Split
from trainer.held_out import read_held_out
from trainer.metadata import Description, with_files, with_metadata
from trainer.model import backbone_of
from trainer.parity import Parity, device_probabilities, parity
from trainer.picture_cache import read_pictures
from trainer.progress import say
from trainer.run_folder import FinishedRun, RunFolder, read_run

Quantization = Literal["none", "int8"]
FILE_NAMES: dict[Quantization, str] = {
    "none": "model.float32.tflite",
    "int8": "model.int8.tflite",
}

# More calibration pictures moved no range on the reference data.
CALIBRATION_PICTURES = 200


@dataclass(frozen=True)
class Exported:
    """A written model file and how it does beside Keras on the pictures of `split`."""

    path: Path
    quantization: Quantization
    bytes: int
    sha256: str
    split: Split
    parity: Parity


def export(run: RunFolder, *, quantize: Sequence[str], data: Path | None = None) -> list[Exported]:
    """Convert a run's model, write each file into the run's exports/ and check it.

    Args:
        run: a finished run.
        quantize: "none" (float32) and "int8", in any number.
        data: the folder of photos, where it has moved since training.

    Raises:
        RunFolderError: the run is incomplete, its photos are gone, or exports/ cannot be written.
        SettingError: an unknown quantization.
        EdgetlError: the conversion failed.
    """
    for name in quantize:
        if name not in get_args(Quantization):
            choices = ", ".join(get_args(Quantization))
            raise SettingError(f"quantize {name!r} is not one of {choices}")
    finished = read_run(run)
    root = data or finished.dataset.root
    held_out = read_held_out(finished, root)
    exported = []
    for quantization in dict.fromkeys(quantize):
        assert quantization in FILE_NAMES
        say(f"converting to {FILE_NAMES[quantization]}")
        calibration = (
            _calibration_pictures(finished, root) if quantization == "int8" else held_out.pixels[:0]
        )
        plain = convert(held_out.model, quantization=quantization, calibration=calibration)
        path = run.exports / FILE_NAMES[quantization]
        try:
            run.exports.mkdir(exist_ok=True)
            with replacing(path) as temporary:
                flatbuffer = with_metadata(plain, _description(finished, quantization))
                temporary.write_bytes(_packed(flatbuffer, finished, quantization, None))
                with hidden_native_log():
                    classifier = Classifier(temporary)
                actual = device_probabilities(classifier, held_out.paths, f"checking {path.name}")
                figures = parity(actual, held_out.keras_probabilities, held_out.truth)
                checks = {
                    "split": held_out.split,
                    "runtime": classifier.runtime.name,
                    **asdict(figures),
                }
                content = _packed(flatbuffer, finished, quantization, checks)
                temporary.write_bytes(content)
                _check_contract(read_model_file(temporary), finished, quantization)
        except OSError as error:
            raise RunFolderError(f"{quoted(path)}: cannot be written: {reason(error)}") from error
        digest = hashlib.sha256(content).hexdigest()
        exported.append(Exported(path, quantization, len(content), digest, held_out.split, figures))
    _write_summary(run, exported)
    return exported


def export_graph(model: keras.Model) -> keras.Model:
    """The model as it is converted: one float32 picture [1, H, W, 3] in, probabilities out.

    Augmentation and dropout are gone. The head is a 1x1 convolution after a pooling that keeps its
    dimensions, the same numbers as the dense layer: dense layers that TensorFlow 2.21 quantizes do
    not load in tflite-runtime 2.14. A single logit z becomes the pair (-z/2, z/2), whose softmax
    is (1 - sigmoid(z), sigmoid(z)), so that two classes come out as two probabilities.
    """
    head = model.get_layer("head")
    kernel, bias = (np.asarray(weight) for weight in head.get_weights())
    if kernel.shape[1] == 1:
        kernel = np.concatenate([-kernel / 2, kernel / 2], axis=1)
        bias = np.concatenate([-bias / 2, bias / 2])
    classes = kernel.shape[1]
    inputs = keras.Input(model.input_shape[1:], batch_size=1, name="image")
    # Every layer has a name of its own: Keras numbers unnamed ones through the process, and the
    # names end up in the file, which the same run must export to the same bytes.
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    x = backbone_of(model)(x, training=False)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    convolution = keras.layers.Conv2D(classes, 1, name="head")
    x = convolution(x)
    x = keras.layers.Reshape((classes,), name="logits")(x)
    x = keras.layers.Softmax(name="probability")(x)
    convolution.set_weights([kernel[np.newaxis, np.newaxis], bias])
    return keras.Model(inputs, x, name="edgetl")


def convert(model: keras.Model, *, quantization: Quantization, calibration: Pixels) -> bytes:
    """Convert a trained model to a TFLite flatbuffer of builtin operators only.

    Args:
        model: as `trainer.model.build_model` makes it, trained.
        quantization: "none" gives float32 in and out. "int8" quantizes weights and activations
            after training (Jacob et al., CVPR 2018, https://arxiv.org/abs/1712.05877), with uint8
            input of scale 1 and zero point 0 and float32 probabilities out.
        calibration: uint8 [pictures, height, width, 3], for int8 only.

    Raises:
        EdgetlError: the converter failed.
    """
    converter = converter_of(export_graph(model))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantization == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _representative(calibration)
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
    return converted(converter)


def _representative(calibration: Pixels) -> Iterator[list[Any]]:
    for number, picture in enumerate(calibration):
        pixels = picture.astype(np.float32)
        if number == 0:
            # The input's scale is 1 and its zero point 0 only if calibration has seen 0 and 255.
            pixels[0, 0, :], pixels[0, 1, :] = 0, 255
        yield [pixels[np.newaxis]]


def _calibration_pictures(run: FinishedRun, root: Path) -> Pixels:
    """Training pictures, the classes in turn, through the one preprocessing path."""
    places = run.dataset.in_turn("train")[:CALIBRATION_PICTURES]
    paths = [root / run.dataset.examples[place].file for place in places]
    return read_pictures(paths, run.geometry, "reading calibration")


def _description(run: FinishedRun, quantization: Quantization) -> Description:
    classes = ", ".join(run.labels[:20]) + (", ..." if len(run.labels) > 20 else "")
    kind = "int8" if quantization == "int8" else "float32"
    return Description(
        name=f"Image classifier: {classes}",
        description=(
            f"MobileNetV2, {run.geometry.width}x{run.geometry.height} pixels, {kind}, "
            f"{len(run.labels)} classes. Trained and exported with edgetl."
        ),
        author="edgetl",
        version=f"{run.config['created']}",
    )


def _packed(
    flatbuffer: bytes,
    run: FinishedRun,
    quantization: Quantization,
    checks: dict[str, Any] | None,
) -> bytes:
    card = {
        "format": CARD_FORMAT,
        "edgetl": edge.__version__,
        "input": {
            "height": run.geometry.height,
            "width": run.geometry.width,
            "fit": run.geometry.fit,
            "channels": "RGB",
        },
        "classes": list(run.labels),
        "quantization": quantization,
        "training": {
            "created": run.config["created"],
            "data_fingerprint": run.config["data"]["fingerprint"],
            "pictures": run.config["data"]["pictures"],
            "accuracy": {
                split: figures["accuracy"]
                for split, figures in run.metrics["splits"].items()
                if figures
            },
        },
        "parity": checks,
        "model_bytes": len(flatbuffer),
        "model_sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    return with_files(
        flatbuffer,
        {
            LABELS_NAME: labels_text(run.labels).encode(),
            CARD_NAME: (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode(),
        },
    )


def _check_contract(file: ModelFile, run: FinishedRun, quantization: Quantization) -> None:
    """What a client relies on without asking; a converter's change must not slip through."""
    as_promised = (
        file.labels == run.labels
        and file.geometry == run.geometry
        and file.output.dtype == np.float32
        and (
            (file.input.dtype, file.input.scale, file.input.zero_point) == (np.uint8, 1.0, 0)
            if quantization == "int8"
            else file.input.dtype == np.float32
        )
    )
    if not as_promised:
        raise EdgetlError(
            f"{file.path.name}: the converter gave input {file.input} and output {file.output}, "
            f"which is not what edgetl promises; please report this"
        )


def _write_summary(run: RunFolder, exported: Sequence[Exported]) -> None:
    """export.json: this export's files beside those of earlier ones that are still there."""
    path = run.exports / "export.json"
    files: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        earlier = json.loads(path.read_text(encoding="utf-8"))["files"]
        files = {name: row for name, row in earlier.items() if (run.exports / name).is_file()}
    for item in exported:
        files[item.path.name] = {
            "quantization": item.quantization,
            "bytes": item.bytes,
            "sha256": item.sha256,
            "split": item.split,
            "parity": asdict(item.parity),
        }
    when = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(path, {"edgetl": edge.__version__, "exported": when, "files": files})
