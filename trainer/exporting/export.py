"""From a finished run to .tflite files that are checked, and carry their labels and figures."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgetl.edge.errors import EdgetlError, RunFolderError, quoted, reason
from edgetl.edge.model.latest import REJECTED
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.runtime import Runtime, installed_runtimes
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import SPLIT_WORDS
from edgetl.trainer.data.picture_cache import read_pictures
from edgetl.trainer.exporting.conversion import Conversion, converted_files
from edgetl.trainer.exporting.held_out import HeldOut, read_held_out
from edgetl.trainer.exporting.metadata import with_metadata
from edgetl.trainer.exporting.options import AUTO, ExportOptions
from edgetl.trainer.exporting.packaging import check_contract, description, packed
from edgetl.trainer.exporting.parity import device_probabilities, lowest_accuracy, parity
from edgetl.trainer.exporting.record import ExportedFile, RuntimeCheck, add_to_record
from edgetl.trainer.exporting.selective_quantization import (
    AcceptanceCriteria,
    QuantizedModel,
    quantize_to_criteria,
    quantize_with_denylist,
)
from edgetl.trainer.exporting.subprocess_call import call_in_subprocess
from edgetl.trainer.run.folder import FinishedRun, find_run, read_run
from edgetl.trainer.run.photos import refuse_different, run_photos
from edgetl.trainer.run.split_record import read_digests

_SHOWN_ERRORS = 5


def export(run: str | Path | None = None, **settings: Any) -> list[ExportedFile]:
    """Convert a run's model and check each file on every runtime before it gets its name.

    from edgetl.trainer import export

    files = export("runs/latest", quantize=("none", "int8"))

    The check runs over the test split, or validation where there is none, or training photos of a
    run that learned from all, through the device's own code. A file that loses more than
    `max_drop`, or does not run on a runtime that is installed, is written as NAME.rejected.tflite,
    and the reason is in `rejected`.

    Args:
        run: the folder of a finished run, None for runs/latest.
        settings: the options of `edgetl export`, the fields of `ExportOptions`.

    Raises:
        RunFolderError: the run is incomplete, its photos are gone, or exports/ cannot be written.
        SettingError: a setting is unknown or out of range, or there is no such layer.
        EdgetlError: the conversion failed.
    """
    options = ExportOptions.from_mapping({"run": run, **settings}, where="export")
    found = find_run(options.run)
    if options.run is None:
        logger.info("run     %s", quoted(found.path))
    finished = read_run(found)
    root = options.data or finished.dataset.root
    held_out = read_held_out(finished, root)
    calibration = held_out.pixels[:0]
    if "int8" in options.quantizations:
        calibration = _calibration_pictures(finished, root, options.calibration)
    exported = []
    for conversion, model in _converted(finished, options, held_out, calibration):
        file = _checked_file(finished, held_out, conversion, model, options.max_drop)
        if file.rejected and conversion.quantization == "int8" and not model.errors:
            # The message recommends --keep-float; these are the layers it is about.
            int8 = (finished.folder.model, calibration, options.input)
            errors = call_in_subprocess(quantize_with_denylist, *int8, ()).errors
            file = replace(file, layer_errors=errors[:_SHOWN_ERRORS])
        exported.append(file)
    add_to_record(finished.folder.exports, exported)
    return exported


def _converted(
    run: FinishedRun, options: ExportOptions, held_out: HeldOut, calibration: Pixels
) -> list[tuple[Conversion, QuantizedModel]]:
    path = run.folder.model
    plain = [
        Conversion(q, options.input)
        for q in options.quantizations
        if not (q == "int8" and options.keep_float)
    ]
    models = []
    if plain:
        logger.info(f"converting to {', '.join(conversion.file_name for conversion in plain)}")
        # One subprocess for all: the memory that the converter leaks goes with it.
        flatbuffers = call_in_subprocess(converted_files, path, plain, calibration)
        models = [(c, QuantizedModel(f)) for c, f in zip(plain, flatbuffers, strict=True)]
    if options.keep_float:
        conversion = Conversion("int8", options.input)
        logger.info(f"converting to {conversion.file_name}, some layers in float")
        int8 = (path, calibration, options.input)
        if AUTO in options.keep_float:
            accuracy = metrics.accuracy(held_out.keras_probabilities, held_out.targets)
            lowest = lowest_accuracy(accuracy, len(held_out.targets), max_drop=options.max_drop)
            criteria = AcceptanceCriteria(held_out.pixels, held_out.targets, lowest)
            model = call_in_subprocess(quantize_to_criteria, *int8, criteria)
            if model.accepted:
                logger.info(f"leaving {len(model.denylist)} layers in float is enough")
        else:
            model = call_in_subprocess(quantize_with_denylist, *int8, options.keep_float)
        models.append((conversion, model))
    return models


def _calibration_pictures(run: FinishedRun, root: Path, number: int) -> Pixels:
    """Training pictures, interleaved by class, through the one preprocessing path."""
    indices = run.dataset.interleaved("train")[:number]
    examples = [run.dataset.examples[index] for index in indices]
    photos = run_photos(examples, read_digests(run.folder.split), root)
    refuse_different(photos, root)
    if photos.missing or photos.changed:
        logger.warning(f"calibration: {photos.note}")
    paths = [root / example.file for example in photos.same]
    return read_pictures(paths, run.input_size, "reading calibration")


def _checked_file(
    run: FinishedRun,
    held_out: HeldOut,
    conversion: Conversion,
    model: QuantizedModel,
    max_drop: float,
) -> ExportedFile:
    flatbuffer = with_metadata(model.flatbuffer, description(run, conversion))
    logger.info(
        f"checking {conversion.file_name} on {len(held_out.paths)} "
        f"{SPLIT_WORDS[held_out.split]} pictures"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, conversion.file_name)
        file.write_bytes(packed(flatbuffer, run, conversion, model.denylist, None))
        checks = tuple(_check(file, runtime, held_out, run) for runtime in installed_runtimes())
        content = packed(flatbuffer, run, conversion, model.denylist, checks)
        file.write_bytes(content)
        check_contract(read_model_file(file), run, conversion)
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
    return ExportedFile(
        path=path,
        quantization=conversion.quantization,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        split=held_out.split,
        checks=checks,
        keep_float=model.denylist,
        layer_errors=model.errors[:_SHOWN_ERRORS],
        rejected=why,
    )


def _check(file: Path, runtime: Runtime, held_out: HeldOut, run: FinishedRun) -> RuntimeCheck:
    try:
        found = call_in_subprocess(device_probabilities, file, held_out.paths, runtime.name)
    except EdgetlError as error:
        return RuntimeCheck(runtime.name, runtime.version, None, str(error))
    figures = parity(found, held_out.keras_probabilities, held_out.targets, run.labels)
    return RuntimeCheck(runtime.name, runtime.version, figures, None)


def _why_rejected(
    conversion: Conversion, checks: Sequence[RuntimeCheck], max_drop: float
) -> str | None:
    for check in checks:
        if check.parity is None:
            return f"does not run on {check.runtime} {check.version} ({check.problem})"
        found = check.parity
        lowest = lowest_accuracy(found.keras_accuracy, found.pictures, max_drop=max_drop)
        if found.accuracy < lowest:
            remedy = (
                "try --keep-float auto, or more pictures with --calibration"
                if conversion.quantization == "int8"
                else "try another --quantize"
            )
            return (
                f"on {check.runtime} loses {100 * (found.keras_accuracy - found.accuracy):.1f} "
                f"percentage points of accuracy, more than --max-drop {max_drop:g}; {remedy}"
            )
    return None
