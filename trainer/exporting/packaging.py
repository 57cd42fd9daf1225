"""What goes into a model file beside the model: description, labels, edgetl.json; the contract."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

import edgetl
from edgetl.edge.errors import EdgetlError
from edgetl.edge.model.associated_files import with_files
from edgetl.edge.model.labels import labels_text
from edgetl.edge.model.model_file import LABELS_NAME, MANIFEST_FORMAT, MANIFEST_NAME, ModelFile
from edgetl.edge.model.tflite_metadata import Description
from edgetl.edge.teach.sample import SAMPLE_NAME
from edgetl.trainer.exporting.conversion import Conversion
from edgetl.trainer.exporting.record import RuntimeCheck
from edgetl.trainer.run.folder import FinishedRun


def description(run: FinishedRun, conversion: Conversion) -> Description:
    classes = ", ".join(run.labels[:20]) + (", ..." if len(run.labels) > 20 else "")
    kind = "float32" if conversion.quantization == "none" else conversion.quantization
    return Description(
        name=f"Image classifier: {classes}",
        description=(
            f"MobileNetV2, {run.input_size.width}x{run.input_size.height} pixels, {kind}, "
            f"{len(run.labels)} classes. Trained and exported with edgetl."
        ),
        author="edgetl",
        version=run.config.created,
    )


def packed(
    flatbuffer: bytes,
    run: FinishedRun,
    conversion: Conversion,
    denylist: Sequence[str],
    checks: Sequence[RuntimeCheck] | None,
    sample: bytes | None = None,
) -> bytes:
    """The flatbuffer with labels.txt and edgetl.json, which has the checks' figures, if any.

    And with the sample of features, if any.
    """
    size = {"height": run.input_size.height, "width": run.input_size.width}
    before = run.config.from_run
    manifest = {
        "format": MANIFEST_FORMAT,
        "edgetl": edgetl.__version__,
        "input": {**size, "fit": run.input_size.resize_mode, "channels": "RGB"},
        "classes": list(run.labels),
        "quantization": conversion.quantization,
        "keep_float": list(denylist),
        "training": {
            "created": run.config.created,
            "data_fingerprint": run.config.data.fingerprint,
            "pictures": run.config.data.pictures,
            "accuracy": {name: s.accuracy for name, s in run.metrics.splits.items() if s},
            **({"from": {"run": before.name, "created": before.created}} if before else {}),
        },
        "precision": asdict(run.metrics.precision) if run.metrics.precision else None,
        "parity": None
        if checks is None
        else {"split": run.dataset.held_out, "runtimes": [asdict(check) for check in checks]},
        "model_bytes": len(flatbuffer),
        "model_sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    files = {LABELS_NAME: labels_text(run.labels).encode(), MANIFEST_NAME: text.encode()}
    if sample is not None:
        files[SAMPLE_NAME] = sample
    return with_files(flatbuffer, files)


def check_contract(file: ModelFile, run: FinishedRun, conversion: Conversion) -> None:
    """Check what users of the file rely on, which a new converter may have changed.

    Raises:
        EdgetlError: labels, input or output are not as documented.
    """
    takes_pixels = (conversion.quantization, conversion.input_type) == ("int8", "uint8")
    found = (file.labels, file.input_size, file.output.dtype, file.input.dtype)
    dtypes = np.dtype(np.float32), np.dtype(np.uint8 if takes_pixels else np.float32)
    as_documented = found == (run.labels, run.input_size, *dtypes)
    if takes_pixels:
        as_documented &= (file.input.scale, file.input.zero_point) == (1.0, 0)
    if not as_documented:
        raise EdgetlError(
            f"{file.path.name}: the converter gave input {file.input} and output {file.output}, "
            f"which is not as documented; please report this"
        )
