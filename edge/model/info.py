"""What is inside a model file, as plain JSON values and as lines of text."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from edgetl.edge.errors import quoted
from edgetl.edge.model.thresholds import PrecisionRecord
from edgetl.edge.options import Option, Options
from edgetl.edge.system.json_record import DamagedError, from_json

if TYPE_CHECKING:
    from edgetl.edge.model.model_file import ModelFile, TensorSpec

_COLUMNS = 80
_NAME_COLUMNS = 32
# What is shown of the record of held-out photos, which may be thousands of numbers.
_PRECISIONS = (0.9, 0.95, 0.99)


@dataclass(frozen=True)
class InfoOptions(Options):
    """Options of `edgetl info`."""

    model: Annotated[Path, Option("A .tflite file.", argument=True, metavar="MODEL")]
    labels: Annotated[Path | None, Option("Names of the classes, if the file holds none.")] = None


def info(options: InfoOptions) -> dict[str, Any]:
    """What is inside a model file, as plain JSON values.

    Raises:
        ModelFileError: the model or the file of labels cannot be read.
    """
    from edgetl.edge.model.labels import read_labels
    from edgetl.edge.model.model_file import read_model_file

    labels = read_labels(options.labels) if options.labels else None
    return describe(read_model_file(options.model, labels=labels))


def describe(model: "ModelFile") -> dict[str, Any]:
    """What is inside a model that has been read; see `info`."""
    return {
        "file": str(model.path),
        "bytes": len(model.content),
        "sha256": model.content_sha256,
        "name": model.name,
        "description": model.description,
        "author": model.author,
        "version": model.version,
        "labels": list(model.labels),
        "fit": model.input_size.resize_mode,
        "input": _describe_tensor(model.input),
        "normalization": (
            {"mean": list(model.normalization.mean), "std": list(model.normalization.std)}
            if model.normalization
            else None
        ),
        "output": {**_describe_tensor(model.output), "values": model.output_values},
        "associated_files": list(model.associated_files),
        "edgetl": dict(model.manifest) if model.manifest else None,
    }


def _describe_tensor(tensor: "TensorSpec") -> dict[str, Any]:
    quantized = {"scale": tensor.scale, "zero_point": tensor.zero_point} if tensor.scale else {}
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.name,
        **quantized,
    }


def info_text(facts: Mapping[str, Any]) -> str:
    """Facts of `info` for people: the accuracy, then a name and a value a line, in 80 columns."""
    manifest = dict(facts["edgetl"] or {})
    promised = _promised(manifest.pop("precision", None))
    shown = {**facts, "edgetl": manifest or None}
    named = (*_accuracies(manifest), *promised, *_flat(shown))
    return "\n".join(line for name, value in named for line in _wrapped(name, value))


def _accuracies(manifest: Any) -> Iterator[tuple[str, str]]:
    """The accuracy that `edgetl export` measured on each runtime.

    Of a run that learned from all photos, that of folds, and how far runtimes agree with Keras.
    """
    try:
        trained = manifest["parity"]["split"] == "train"
        if trained:
            accuracy = 100 * manifest["training"]["accuracy"]["validation"]
            yield (
                "accuracy",
                f"{accuracy:.1f} % of photos, by models that did not learn from them",
            )
        for measured in manifest["parity"]["runtimes"]:
            parity = measured["parity"]
            if trained:
                agree = f"{100 * parity['agreement']:.1f} % of {parity['pictures']}"
                yield f"agreement.{measured['runtime']}", f"{agree} training pictures, with Keras"
                continue
            low, high = parity["accuracy_interval"]
            yield (
                f"accuracy.{measured['runtime']}",
                f"{100 * parity['accuracy']:.1f} % of {parity['pictures']} "
                f"{manifest['parity']['split']} pictures ({100 * low:.1f} to {100 * high:.1f})",
            )
    except (LookupError, TypeError, ValueError):
        return  # a third-party model, or not measured


def _promised(record: Any) -> Iterator[tuple[str, str]]:
    """What `classify --threshold precision=P` makes of held-out photos, for a few P."""
    try:
        found: PrecisionRecord = from_json(PrecisionRecord, record)
    except DamagedError:
        return  # a third-party model, or of an older edgetl
    for precision in _PRECISIONS:
        promised = found.at(precision)
        words = "; ".join(filter(None, (promised.summary, promised.never)))
        yield f"threshold.precision={precision}", words


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts as lines: ("input.shape", "1, 160, 160, 3"); numbers of a kind share one."""
    for name, value in facts.items():
        if isinstance(value, dict) and not _all_numbers(value):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            yield from ((f"{prefix}{name}", _inline(part)) for part in value)
        elif value is not None and value != []:
            yield f"{prefix}{name}", _inline(value)


def _all_numbers(values: Mapping[str, Any]) -> bool:
    return bool(values) and all(isinstance(value, int | float) for value in values.values())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            _inline(part) if isinstance(part, dict) else f"{quoted(name)} {_inline(part)}"
            for name, part in value.items()
            if part is not None and part != []
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_inline, value))
    return f"{value:.4g}" if isinstance(value, float) else quoted(str(value))


def _wrapped(name: str, value: str) -> Iterator[str]:
    """Lines of at most 80 columns; a word that is longer, as a path may be, is not broken."""
    room = _COLUMNS - _NAME_COLUMNS - 1
    words = textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False)
    if len(name) > _NAME_COLUMNS or any(len(line) > room for line in words):
        yield quoted(name)
        yield from (f"    {line}" for line in words)
        return
    first, *rest = words or [""]
    yield f"{quoted(name):{_NAME_COLUMNS}} {first}".rstrip()
    yield from (f"{'':{_NAME_COLUMNS}} {line}" for line in rest)
