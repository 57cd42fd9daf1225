"""From a finished run to .tflite files that are checked, and carry their labels and figures."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edgetl.edge.errors import EdgetlError, RunFolderError, SettingError, quoted, reason
from edgetl.edge.model.latest import EARLIER, REJECTED
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.runtime import Runtime, choose_runtime, installed_runtimes
from edgetl.edge.model.verdict import (
    PairedDifference,
    Verdict,
    judge,
    paired_difference,
)
from edgetl.edge.model.verify.tried import remember
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.edge.teach.features import sample_of
from edgetl.trainer import metrics
from edgetl.trainer.data.picture_cache import read_pictures
from edgetl.trainer.exporting.check_pictures import (
    MOST_PICTURES,
    CheckPictures,
    drawn,
    halves,
    read_check_pictures,
    trained_model,
)
from edgetl.trainer.exporting.conversion import Conversion, converted_files
from edgetl.trainer.exporting.in_report import show_in_report
from edgetl.trainer.exporting.metadata import with_metadata
from edgetl.trainer.exporting.options import AUTO, ExportOptions
from edgetl.trainer.exporting.packaging import check_contract, description, packed
from edgetl.trainer.exporting.parity import device_probabilities, parity
from edgetl.trainer.exporting.record import ExportedFile, RuntimeCheck, add_to_record
from edgetl.trainer.exporting.sample import sample_pictures
from edgetl.trainer.exporting.selective_quantization import (
    AcceptanceCriteria,
    QuantizedModel,
    quantize_to_criteria,
    quantize_with_denylist,
)
from edgetl.trainer.exporting.subprocess_call import Subprocess, call_in_subprocess
from edgetl.trainer.run.folder import FinishedRun, find_run, read_run
from edgetl.trainer.run.photos import refuse_different, run_photos
from edgetl.trainer.run.split_record import read_digests

_SHOWN_ERRORS = 5
# No probability of a file that computes in float differs by more, but for a broken one. It is the
# same function but for rounding, which so few pictures show as well as many.
_SAME = 0.05
# From good to bad.
_ORDER: tuple[Verdict, ...] = ("accepted", "too few to tell", "rejected")


def export(run: str | Path | None = None, **settings: Any) -> list[ExportedFile]:
    """Convert a run's model and check each file on every runtime before it gets its name.

    from edgetl.trainer import export

    files = export("runs/latest", quantize=("none", "int8"))

    The check compares the file with Keras on up to 1000 of the run's photos, through the device's
    own code: see `edgetl.edge.model.verdict.judge`. A file that is rejected, or does not run
    on a runtime that is installed, is written as NAME.rejected.tflite, and an older NAME.tflite
    becomes NAME.earlier.tflite. `verdict` and `why` say how it went.

    Args:
        run: the folder of a finished run, None for runs/latest.
        settings: the options of `edgetl export`, the fields of `ExportOptions`.

    Raises:
        RunFolderError: the run is incomplete, its photos are gone, or exports/ cannot be written.
        SettingError: a setting is unknown or out of range, or there is no such layer.
        EdgetlError: the conversion failed, or no runtime is installed to check files on.
    """
    options = ExportOptions.from_mapping({"run": run, **settings}, where="export")
    choose_runtime()
    found = find_run(options.run)
    if options.run is None:
        logger.info("run     %s", quoted(found.path))
    finished = read_run(found)
    if options.unknown == "off":
        finished = replace(finished, unknown=None)
    elif options.unknown and not finished.unknown:
        raise SettingError(
            f"--unknown on: {quoted(found.path)} did not learn what is unknown; leave it out, or "
            f"train with: edgetl train --unknown on"
        )
    # One subprocess for all that TensorFlow does: the memory that the converter leaks goes with it.
    with Subprocess() as apart:
        exported = _exported(finished, options, apart)
    add_to_record(finished.folder.exports, exported)
    show_in_report(finished.folder)
    return exported


def _exported(run: FinishedRun, options: ExportOptions, apart: Subprocess) -> list[ExportedFile]:
    root = options.data or run.dataset.root
    pictures = read_check_pictures(run, root, apart)
    choosing = pictures.rows
    if AUTO in options.keep_float:
        checking, choosing = halves(pictures.targets)
        pictures = replace(pictures, rows=checking)
        if not len(choosing):
            raise SettingError(
                "--keep-float auto needs a class with two pictures or more; name the layers"
            )
    calibration = pictures.pixels[:0]
    if "int8" in options.quantizations:
        calibration = _calibration_pictures(run, root, options.calibration)
    sample = sample_pictures(run, root) if options.teachable else None
    exported = []
    for conversion, model in _converted(run, options, pictures, choosing, calibration, apart):
        file = _checked_file(run, pictures, conversion, model, options.max_drop, sample)
        if file.verdict == "rejected" and conversion.quantization == "int8" and not model.errors:
            # The message recommends --keep-float; these are the layers it is about.
            int8 = (trained_model(run), calibration, options.input)
            errors = apart.call(quantize_with_denylist, *int8, ()).errors
            file = replace(file, layer_errors=errors[:_SHOWN_ERRORS])
        exported.append(file)
    return exported


def _converted(
    run: FinishedRun,
    options: ExportOptions,
    pictures: CheckPictures,
    choosing: metrics.Classes,
    calibration: Pixels,
    apart: Subprocess,
) -> list[tuple[Conversion, QuantizedModel]]:
    trained = trained_model(run)
    plain = [
        Conversion(q, options.input)
        for q in options.quantizations
        if not (q == "int8" and options.keep_float)
    ]
    models = []
    if plain:
        logger.info(f"converting to {', '.join(conversion.file_name for conversion in plain)}")
        flatbuffers = apart.call(converted_files, trained, plain, calibration)
        models = [(c, QuantizedModel(f)) for c, f in zip(plain, flatbuffers, strict=True)]
    if options.keep_float:
        conversion = Conversion("int8", options.input)
        logger.info(f"converting to {conversion.file_name}, some layers in float")
        int8 = (trained, calibration, options.input)
        if AUTO in options.keep_float:
            criteria = _criteria(pictures, choosing, options.max_drop)
            model = apart.call(quantize_to_criteria, *int8, criteria)
            if model.accepted:
                logger.info(f"leaving {len(model.denylist)} layers in float is enough")
        else:
            model = apart.call(quantize_with_denylist, *int8, options.keep_float)
        models.append((conversion, model))
    # Its memory is free while files are checked.
    apart.close()
    return models


def _criteria(
    pictures: CheckPictures, choosing: metrics.Classes, max_drop: float
) -> AcceptanceCriteria:
    """Half of `max_drop` may be lost, which leaves the other half to chance; and one picture."""
    targets = pictures.targets[choosing]
    accuracy = metrics.accuracy(pictures.keras_probabilities[choosing], targets)
    allowed = max(max_drop / 200, 1 / max(len(targets), 1))
    # Shares of pictures are not exact in binary.
    return AcceptanceCriteria(pictures.pixels, choosing, targets, accuracy - allowed - 1e-9)


def _calibration_pictures(run: FinishedRun, root: Path, number: int) -> Pixels:
    """Training pictures, as many of each class, through the one preprocessing path."""
    indices = drawn(run.dataset, ("train",))[:number]
    examples = [run.dataset.examples[index] for index in indices]
    photos = run_photos(examples, read_digests(run.folder.split), root)
    refuse_different(photos, root)
    if photos.missing or photos.changed:
        logger.warning(f"calibration: {photos.note}")
    paths = [root / example.file for example in photos.same]
    return read_pictures(paths, run.input_size, "reading calibration")


def _checked_file(
    run: FinishedRun,
    pictures: CheckPictures,
    conversion: Conversion,
    model: QuantizedModel,
    max_drop: float,
    sample: tuple[Pixels, metrics.Classes] | None,
) -> ExportedFile:
    flatbuffer = with_metadata(model.flatbuffer, description(run, conversion))
    logger.info(f"checking {conversion.file_name}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, conversion.file_name)
        file.write_bytes(packed(flatbuffer, run, conversion, model.denylist, None))
        checks = tuple(
            _check(file, runtime, pictures, run.labels, conversion, max_drop)
            for runtime in installed_runtimes()
        )
        of_photos = None
        if sample and all(check.problem is None for check in checks):
            of_photos = call_in_subprocess(sample_of, file, *sample, choose_runtime().name)
            if of_photos is None:
                logger.info(f"{conversion.file_name} cannot be taught by edgetl teach: its head is "
                            f"not one dense layer")  # fmt: skip
        content = packed(flatbuffer, run, conversion, model.denylist, checks, of_photos)
        file.write_bytes(content)
        check_contract(read_model_file(file), run, conversion)
    sha256 = hashlib.sha256(content).hexdigest()
    for runtime, check in zip(installed_runtimes(), checks, strict=True):
        if check.problem is None:
            # It has classified a thousand photos there; only the figures in it are new.
            remember(sha256, runtime)
    worst = max(checks, key=lambda check: _ORDER.index(check.verdict or "rejected"))
    verdict = worst.verdict or "rejected"
    return ExportedFile(
        path=_written(content, run.folder.exports / conversion.file_name, verdict),
        quantization=conversion.quantization,
        bytes=len(content),
        sha256=sha256,
        split=pictures.split,
        checks=checks,
        keep_float=model.denylist,
        layer_errors=model.errors[:_SHOWN_ERRORS],
        verdict=verdict,
        why=worst.why and f"on {worst.runtime} {worst.why}",
    )


def _check(
    file: Path,
    runtime: Runtime,
    pictures: CheckPictures,
    labels: Sequence[str],
    conversion: Conversion,
    max_drop: float,
) -> RuntimeCheck:
    rows = pictures.rows[: MOST_PICTURES[runtime.name]]
    check = RuntimeCheck(runtime.name, runtime.version, None, None, max_drop=max_drop)
    try:
        paths = [pictures.paths[row] for row in rows]
        found = call_in_subprocess(device_probabilities, file, paths, runtime.name)
    except EdgetlError as error:
        words = f"version {runtime.version} does not run it ({error})"
        return replace(check, problem=str(error), verdict="rejected", why=words)
    keras, targets = pictures.keras_probabilities[rows], pictures.targets[rows]
    held = pictures.held_out[rows]
    difference = paired_difference(found, keras, targets, labels)
    verdict, why = _verdict(difference, conversion, max_drop, MOST_PICTURES[runtime.name])
    return replace(
        check,
        parity=parity(found[held], keras[held], targets[held]),
        difference=difference,
        verdict=verdict,
        why=why,
    )


def _verdict(
    found: PairedDifference, conversion: Conversion, max_drop: float, most: int
) -> tuple[Verdict, str | None]:
    in_float = conversion.quantization in ("none", "float16")
    if in_float and found.largest_difference <= _SAME:
        return "accepted", None
    verdict, why = judge(found, max_drop, most)
    if verdict != "rejected":
        return verdict, why
    remedy = (
        "try --keep-float auto, or more pictures with --calibration"
        if conversion.quantization == "int8"
        else "try another --quantize"
    )
    return verdict, f"{why}; {remedy}"


def _written(content: bytes, path: Path, verdict: Verdict) -> Path:
    """Write a file under the name that its verdict gives it, and leave no other that is older.

    One that was accepted before is kept beside a rejected one, under a name that no command takes
    by itself: who exports again expects the new file, and not to go on with the old unsaid.
    """
    rejected, earlier = path.with_suffix(REJECTED), path.with_suffix(EARLIER)
    target = rejected if verdict == "rejected" else path
    try:
        path.parent.mkdir(exist_ok=True)
        with replacing(target) as temporary:
            temporary.write_bytes(content)
        if target == path:
            rejected.unlink(missing_ok=True)
            earlier.unlink(missing_ok=True)
        elif path.exists():
            when = datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
            path.replace(earlier)
            logger.warning(
                f"{path.name}: that of {when} is now {earlier.name}, which commands take only by "
                f"--model {quoted(earlier)}"
            )
    except OSError as error:
        raise RunFolderError(f"{quoted(target)}: cannot be written: {reason(error)}") from error
    return target
