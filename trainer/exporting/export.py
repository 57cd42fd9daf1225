"""From a finished run to .tflite files that are checked, and carry labels and figures with them."""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np

import edgetl
from edgetl.edge.errors import EdgetlError, RunFolderError, SettingError, quoted, reason
from edgetl.edge.model.latest import REJECTED
from edgetl.edge.model.model_file import (
    LABELS_NAME,
    MANIFEST_FORMAT,
    MANIFEST_NAME,
    ModelFile,
    labels_text,
    read_model_file,
)
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.runtime import Runtime, installed_runtimes
from edgetl.edge.system.files import replacing, write_json
from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.data.picture_cache import read_pictures
from edgetl.trainer.exporting.child import in_child
from edgetl.trainer.exporting.conversion import Conversion, InputType, Quantization, converted_files
from edgetl.trainer.exporting.held_out import HeldOut, read_held_out
from edgetl.trainer.exporting.metadata import Description, with_files, with_metadata
from edgetl.trainer.exporting.parity import Parity, device_probabilities, lowest_accuracy, parity
from edgetl.trainer.exporting.selective_quantization import (
    Judged,
    KeptFloat,
    LayerError,
    keep_fewest,
    keep_named,
    layer_errors,
)
from edgetl.trainer.progress import say
from edgetl.trainer.run.folder import FinishedRun, RunFolder, read_run

# On the reference data 20 to 500 give the same agreement within one picture in a thousand.
CALIBRATION_PICTURES = 100
AUTO = "auto"
_SHOWN_ERRORS = 5


@dataclass(frozen=True)
class Check:
    """A file on one runtime: how it does there beside Keras, or why it does not run there."""

    runtime: str
    version: str
    parity: Parity | None
    problem: str | None


@dataclass(frozen=True)
class Exported:
    """A written model file and what its check on the pictures of `split` gave.

    Attributes:
        keep_float: the layers of an int8 file that are in float.
        layer_errors: where the error of an int8 file comes from, worst first; measured only where
            it matters.
        rejected: why it may not leave the house; None for a file that may.
    """

    path: Path
    quantization: Quantization
    bytes: int
    sha256: str
    split: Split
    checks: tuple[Check, ...]
    keep_float: tuple[str, ...]
    layer_errors: tuple[LayerError, ...]
    rejected: str | None


def export(
    run: RunFolder,
    *,
    quantize: Sequence[str],
    input_type: InputType = "uint8",
    calibration: int = CALIBRATION_PICTURES,
    keep_float: Sequence[str] = (),
    max_drop: float = 1.0,
    data: Path | None = None,
) -> list[Exported]:
    """Convert a run's model and check each file on every runtime before it gets its name.

    The check goes over the test split, or validation where there is none, through the device's own
    code. A file that loses more than `max_drop`, or does not run on a runtime that is installed, is
    written as NAME.rejected.tflite.

    Args:
        run: a finished run.
        quantize: "none" (float32), "float16", "dynamic" and "int8", in any number.
        input_type: of int8 files.
        calibration: training pictures, the classes in turn, that int8's ranges are measured on.
        keep_float: layers of int8 files to leave in float, or "auto": the fewest that make the file
            pass.
        max_drop: points of accuracy below Keras; a single picture is allowed in any case, unless
            this is 0.
        data: the folder of photos, where it has moved since training.

    Raises:
        RunFolderError: the run is incomplete, its photos are gone, or exports/ cannot be written.
        SettingError: an argument is out of range, or there is no such layer.
        EdgetlError: the conversion failed.
    """
    conversions = _conversions(quantize, input_type)
    if calibration < 1:
        raise SettingError(f"calibration {calibration} is less than 1 picture")
    if keep_float and "int8" not in quantize:
        raise SettingError("keep-float is for int8 files; add --quantize int8")
    if AUTO in keep_float and len(keep_float) > 1:
        raise SettingError("keep-float auto chooses the layers itself; leave the names out")
    finished = read_run(run)
    root = data or finished.dataset.root
    held_out = read_held_out(finished, root)
    pixels = held_out.pixels[:0]
    if "int8" in quantize:
        pixels = _calibration_pictures(finished, root, calibration)
    judged = Judged(
        held_out.pixels,
        held_out.truth,
        lowest_accuracy(
            metrics.accuracy(held_out.keras_probabilities, held_out.truth),
            len(held_out.truth),
            max_drop=max_drop,
        ),
    )
    # One process for all: what the converter does not give back goes with it.
    plain = [c for c in conversions if not (c.quantization == "int8" and keep_float)]
    flatbuffers = in_child(converted_files, run.model, plain, pixels) if plain else []
    ready = dict(zip(plain, flatbuffers, strict=True))
    exported = []
    for conversion in conversions:
        int8 = (pixels, conversion.input_type)
        if conversion in ready:
            kept = KeptFloat(ready[conversion])
        else:
            say(f"converting to {conversion.file_name}, some layers in float")
            if AUTO in keep_float:
                kept = in_child(keep_fewest, run.model, *int8, judged)
            else:
                kept = in_child(keep_named, run.model, keep_float, *int8)
        item = _checked_file(finished, held_out, conversion, kept, max_drop)
        if item.rejected and conversion.quantization == "int8" and not kept.errors:
            # Which layers are to blame, for the line that says what to try.
            errors = in_child(layer_errors, run.model, *int8)
            item = replace(item, layer_errors=errors[:_SHOWN_ERRORS])
        exported.append(item)
    _write_summary(run, exported)
    return exported


def _conversions(quantize: Sequence[str], input_type: InputType) -> list[Conversion]:
    for name in quantize:
        if name not in get_args(Quantization):
            choices = ", ".join(get_args(Quantization))
            raise SettingError(f"quantize {name!r} is not one of {choices}")
    if input_type not in get_args(InputType):
        choices = ", ".join(get_args(InputType))
        raise SettingError(f"input {input_type!r} is not one of {choices}")
    return [
        Conversion(name, input_type if name == "int8" else "float32")
        for name in get_args(Quantization)
        if name in quantize
    ]


def _checked_file(
    run: FinishedRun,
    held_out: HeldOut,
    conversion: Conversion,
    kept: KeptFloat,
    max_drop: float,
) -> Exported:
    flatbuffer = with_metadata(kept.flatbuffer, _description(run, conversion))
    say(f"checking {conversion.file_name} on {len(held_out.paths)} {held_out.split} pictures")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, conversion.file_name)
        file.write_bytes(_packed(flatbuffer, run, conversion, kept, None))
        checks = tuple(_check(file, runtime, held_out, run) for runtime in installed_runtimes())
        content = _packed(flatbuffer, run, conversion, kept, (held_out.split, checks))
        file.write_bytes(content)
        _check_contract(read_model_file(file), run, conversion)
    why = _why_rejected(conversion, checks, max_drop)
    accepted = run.folder.exports / conversion.file_name
    rejected = accepted.with_suffix(REJECTED)
    path = rejected if why else accepted
    try:
        run.folder.exports.mkdir(exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        if not why:
            rejected.unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(f"{quoted(path)}: cannot be written: {reason(error)}") from error
    return Exported(
        path=path,
        quantization=conversion.quantization,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        split=held_out.split,
        checks=checks,
        keep_float=kept.layers,
        layer_errors=kept.errors[:_SHOWN_ERRORS],
        rejected=why,
    )


def _check(file: Path, runtime: Runtime, held_out: HeldOut, run: FinishedRun) -> Check:
    try:
        found = in_child(device_probabilities, file, held_out.paths, runtime.name)
    except EdgetlError as error:
        return Check(runtime.name, runtime.version, None, str(error))
    figures = parity(found, held_out.keras_probabilities, held_out.truth, run.labels)
    return Check(runtime.name, runtime.version, figures, None)


def _why_rejected(conversion: Conversion, checks: Sequence[Check], max_drop: float) -> str | None:
    for check in checks:
        if check.parity is None:
            return f"does not run on {check.runtime} {check.version} ({check.problem})"
        found = check.parity
        lowest = lowest_accuracy(found.keras_accuracy, found.pictures, max_drop=max_drop)
        if found.accuracy < lowest:
            mend = (
                "try --keep-float auto, or more pictures with --calibration"
                if conversion.quantization == "int8"
                else "try another --quantize"
            )
            return (
                f"on {check.runtime} loses {100 * (found.keras_accuracy - found.accuracy):.1f} "
                f"points of accuracy, more than --max-drop {max_drop:g}; {mend}"
            )
    return None


def _calibration_pictures(run: FinishedRun, root: Path, number: int) -> Pixels:
    """Training pictures, the classes in turn, through the one preprocessing path."""
    places = run.dataset.in_turn("train")[:number]
    paths = [root / run.dataset.examples[place].file for place in places]
    return read_pictures(paths, run.input_size, "reading calibration")


def _description(run: FinishedRun, conversion: Conversion) -> Description:
    classes = ", ".join(run.labels[:20]) + (", ..." if len(run.labels) > 20 else "")
    kind = "float32" if conversion.quantization == "none" else conversion.quantization
    return Description(
        name=f"Image classifier: {classes}",
        description=(
            f"MobileNetV2, {run.input_size.width}x{run.input_size.height} pixels, {kind}, "
            f"{len(run.labels)} classes. Trained and exported with edgetl."
        ),
        author="edgetl",
        version=f"{run.config['created']}",
    )


def _packed(
    flatbuffer: bytes,
    run: FinishedRun,
    conversion: Conversion,
    kept: KeptFloat,
    checked: tuple[Split, tuple[Check, ...]] | None,
) -> bytes:
    parity_figures = None
    if checked is not None:
        split, checks = checked
        parity_figures = {"split": split, "runtimes": [asdict(check) for check in checks]}
    manifest = {
        "format": MANIFEST_FORMAT,
        "edgetl": edgetl.__version__,
        "input": {
            "height": run.input_size.height,
            "width": run.input_size.width,
            "fit": run.input_size.resize_mode,
            "channels": "RGB",
        },
        "classes": list(run.labels),
        "quantization": conversion.quantization,
        "keep_float": list(kept.layers),
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
        "parity": parity_figures,
        "model_bytes": len(flatbuffer),
        "model_sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    return with_files(
        flatbuffer,
        {
            LABELS_NAME: labels_text(run.labels).encode(),
            MANIFEST_NAME: (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode(),
        },
    )


def _check_contract(file: ModelFile, run: FinishedRun, conversion: Conversion) -> None:
    """What a client relies on without asking; a converter's change must not slip through."""
    as_promised = (
        file.labels == run.labels
        and file.input_size == run.input_size
        and file.output.dtype == np.float32
        and (
            (file.input.dtype, file.input.scale, file.input.zero_point) == (np.uint8, 1.0, 0)
            if (conversion.quantization, conversion.input_type) == ("int8", "uint8")
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
        figures = asdict(item)
        del figures["path"]
        files[item.path.name] = figures
    when = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(path, {"edgetl": edgetl.__version__, "exported": when, "files": files})
