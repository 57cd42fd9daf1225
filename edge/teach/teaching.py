"""What `edgetl teach` does: from photos of new classes and corrections to a taught file."""

import hashlib
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import (
    DataError,
    ModelFileError,
    PictureError,
    SettingError,
    SinkError,
    plural,
    quoted,
    reason,
)
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.latest import EARLIER, REJECTED, TAUGHT, latest_model, model_of
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.preprocessing import Pixels, model_input
from edgetl.edge.model.runtime import choose_runtime
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.model.verify.tried import remember
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.edge.teach.features import PooledFeatures
from edgetl.edge.teach.gate import Gate, check
from edgetl.edge.teach.head import Features, Head
from edgetl.edge.teach.learning import Lesson, learn
from edgetl.edge.teach.options import TeachOptions
from edgetl.edge.teach.packing import empty_sample, lesson_record, packed, rewritten, sample_of
from edgetl.edge.teach.photos import ClassPhotos, check_folder, class_photos
from edgetl.edge.teach.sample import FeatureSample

# Of a new class; fewer do not show how far it reaches.
FEWEST_OF_A_CLASS = 5
# More take a small device minutes, and training learns more from them.
MOST_PHOTOS = 1000


@dataclass(frozen=True)
class Taught:
    """What was taught.

    Attributes:
        path: of the taught file; NAME.rejected.tflite if it was rejected.
        gate: what its check found.
        new: the classes that the model did not have before.
        seconds: that all took.
    """

    path: Path
    gate: Gate
    new: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Read:
    """Photos that could be read: pixels, features of them and of their mirror images, labels."""

    pixels: Sequence[Pixels]
    features: Features
    mirrored: Features
    labels: Sequence[str]


def teach(options: TeachOptions) -> Taught:
    """Teach a model's file photos, check the taught file here, and write it.

    Raises:
        ModelFileError: the model cannot be taught.
        DataError: the photos are too few, too many, or a folder's name is no class's.
        SettingError: an option is not allowed.
        SinkError: the file cannot be written.
    """
    started = time.monotonic()
    # Before the model: they come first on the command line, and are the likelier mistake.
    check_folder(options.photos)
    path = latest_model() if options.model is None else model_of(options.model)
    if options.model is None:
        logger.info("model   %s", quoted(path))
    model = read_model_file(path)
    if model.manifest is None:
        raise ModelFileError(
            f"{quoted(path)}: cannot be taught: it was not exported by edgetl, so that it has no "
            f"place for new labels; train with: edgetl train"
        )
    target = options.out or _beside(path)
    if not target.parent.is_dir():
        raise SettingError(f"--out {quoted(target)}: no such folder")
    network = PooledFeatures(model, runtime=options.runtime, threads=options.threads)
    weights = network.head.weights
    old = Head(model.labels[: len(weights)], weights, network.head.bias, None)
    photos = class_photos(options.photos, model.labels)
    sample = sample_of(model, old)
    _check_enough(model, old, sample, {one.label: len(one.paths) for one in photos})
    found = _read(photos, model, network)
    _check_enough(model, old, sample, {one: found.labels.count(one) for one in found.labels})
    lesson = _lesson(old, sample or empty_sample(old), found)
    learned = learn(lesson, old, unknown=UNKNOWN in model.labels)
    flatbuffer = rewritten(model, network.head, learned.head)
    answers = _answers(packed(flatbuffer, model, lesson, learned.head, None), found, options)
    gate = check(lesson, old, learned, answers, options.max_drop)
    record = lesson_record(model, gate)
    content = packed(flatbuffer, model, lesson, learned.head, record)
    # Its network has classified the photos here; only the figures beside it are new.
    remember(hashlib.sha256(content).hexdigest(), choose_runtime(options.runtime))
    new = tuple(one for one in lesson.classes if one not in old.classes)
    return Taught(_written(content, target, gate, model), gate, new, time.monotonic() - started)


def _beside(path: Path) -> Path:
    name = path.name.removesuffix(TAUGHT).removesuffix(".tflite")
    return path.with_name(f"{name}{TAUGHT}")


def _check_enough(
    model: ModelFile, old: Head, sample: FeatureSample | None, counts: dict[str, int]
) -> None:
    """Check how many photos there are of each class, those of the sample included.

    Raises:
        DataError: too few of a class, or too many in all.
    """
    total = sum(counts.values())
    if total > MOST_PHOTOS:
        raise DataError(
            f"{total:,} photos are more than teach takes ({MOST_PHOTOS:,}); learn from them on a "
            f"computer, with: edgetl train photos --from runs/latest"
        )
    missing = [label for label in old.classes if sample is None and label not in counts]
    if missing:
        raise DataError(
            f"{quoted(model.path)}: holds no sample of its training photos, so that photos of "
            f"every class are needed, and there are none of {quoted(missing[0])}; add them, or "
            f"export the model again with this edgetl"
        )
    of_sample = sample is not None
    for label, count in counts.items():
        if count < FEWEST_OF_A_CLASS and not (of_sample and label in old.classes):
            raise DataError(
                f"{plural(count, 'photo')} of {quoted(label)}: a class is learned from "
                f"{FEWEST_OF_A_CLASS} or more; take some with: edgetl collect"
            )


def _read(photos: Sequence[ClassPhotos], model: ModelFile, network: PooledFeatures) -> _Read:
    logger.info(f"reading {plural(sum(len(one.paths) for one in photos), 'photo')}")
    pixels: list[Pixels] = []
    features: list[Features] = []
    mirrored: list[Features] = []
    labels: list[str] = []
    for one in photos:
        for path in one.paths:
            try:
                seen = model_input(path, model.input_size)
                features.append(network.of(seen)[0])
            except PictureError as error:
                logger.warning(f"{error}; left out")
                continue
            mirrored.append(network.of(np.ascontiguousarray(seen[:, ::-1]))[0])
            pixels.append(seen)
            labels.append(one.label)
    if not labels:
        raise DataError("none of the photos can be read")
    return _Read(pixels, np.array(features), np.array(mirrored), labels)


def _lesson(old: Head, sample: FeatureSample, found: _Read) -> Lesson:
    known = [label for label in old.classes if label != UNKNOWN]
    new = sorted({*found.labels} - {*known, UNKNOWN})
    examples = [UNKNOWN] if UNKNOWN in {*old.classes, *found.labels} else []
    classes = (*known, *new, *examples)
    if len(classes) < 2:
        raise DataError(f"one class, {quoted(classes[0])}: a classifier tells two or more apart")
    indices = {label: index for index, label in enumerate(classes)}
    of_sample = np.array([indices[label] for label in old.classes], np.int64)[sample.targets]
    taught = np.array([indices[label] for label in found.labels], np.int64)
    return Lesson(
        classes,
        np.concatenate([sample.features, found.features]),
        np.concatenate([of_sample, taught]),
        found.mirrored,
    )


def _answers(content: bytes, found: _Read, options: TeachOptions) -> npt.NDArray[np.float32]:
    """What a file that is written with this content gives for the photos, [photos, labels]."""
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        file = Path(folder, "taught.tflite")
        try:
            file.write_bytes(content)
        except OSError as error:
            raise SinkError(f"{quoted(file)}: {reason(error)}; make room") from error
        classifier = Classifier(file, runtime=options.runtime, threads=options.threads)
    return np.array([classifier.infer(one) for one in found.pixels])


def _written(content: bytes, target: Path, gate: Gate, model: ModelFile) -> Path:
    """Write the file under the name that its verdict gives it; one that it replaces is kept."""
    rejected = target.with_suffix(REJECTED)
    path = rejected if gate.verdict == "rejected" else target
    earlier = target.with_suffix(EARLIER)
    try:
        if path == target and target.exists():
            is_model = target.samefile(model.path)
            _write(earlier, model.content if is_model else target.read_bytes())
            logger.info(f"{quoted(target.name)}: the one before is now {quoted(earlier)}")
            if not is_model:
                logger.warning(
                    f"{quoted(target)}: what {quoted(earlier)} has learned is not in it; to learn "
                    f"both: edgetl teach PHOTOS --model {shlex.quote(quoted(earlier))} --out "
                    f"{shlex.quote(quoted(target))}"
                )
        _write(path, content)
        if path == target:
            rejected.unlink(missing_ok=True)
    except OSError as error:
        raise SinkError(f"{quoted(path)}: cannot be written: {reason(error)}") from error
    return path


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
