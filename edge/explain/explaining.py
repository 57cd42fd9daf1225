"""What `edgetl explain` does: a picture for each photo, of where the model sees its class."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from edgetl.edge.errors import (
    InferenceError,
    PictureError,
    SettingError,
    SinkError,
    SourceError,
    plural,
    quoted,
    reason,
)
from edgetl.edge.explain.drawing import LONGEST_SIDE, drawn
from edgetl.edge.explain.explainer import Explainer, Explanation
from edgetl.edge.explain.options import ExplainOptions
from edgetl.edge.model.chosen import chosen_model
from edgetl.edge.model.preprocessing import model_input, size_within
from edgetl.edge.sources.files import Item, Problem, files, missing_files_first
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger

SUFFIX = ".why.png"
# What file systems allow, in bytes, less what a temporary name and a number add.
_LONGEST_NAME = 255 - 24


@dataclass(frozen=True)
class Explained:
    """A photo, what the model sees in it, and the picture that shows it."""

    photo: Path
    explanation: Explanation
    picture: Path


def explain(options: ExplainOptions) -> Iterator[Explained | Problem]:
    """Explain photos one by one; one that cannot be read becomes a Problem and the rest go on.

    Raises:
        ModelFileError: the model cannot be used, or does not end in average pooling and one dense
            layer.
        SettingError: the model has no such class, or --out is a file.
        SinkError: a picture cannot be written.
    """
    with missing_files_first(options.files):
        model = chosen_model(options.model, labels=options.labels, normalize=options.normalize)
    explainer = Explainer(model, runtime=options.runtime, threads=options.threads)
    explainer.check_label(options.label)
    if options.out.exists() and not options.out.is_dir():
        raise SettingError(f"--out {quoted(options.out)}: is a file; name a folder")
    taken: set[Path] = set()
    own = 0
    for item in files(options.files, frames=_no_video):
        if isinstance(item, Problem):
            yield item
            continue
        assert isinstance(item.picture, Path)
        if _is_own(item.picture, options):
            own += 1
            continue
        try:
            explanation = explainer.explain(item.picture, label=options.label)
            size = size_within(item.picture, LONGEST_SIDE)
            sheet = drawn(explanation, model_input(item.picture, size), model.input_size)
        except InferenceError as error:
            yield Problem(f"{quoted(item.source)}: {error}")
            continue
        except PictureError as error:
            yield Problem(str(error))
            continue
        path = _free(options.out, item.picture, taken)
        encoded = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1]
        _write(path, encoded.tobytes())
        yield Explained(item.picture, explanation, path)
    if own:
        logger.info("left out %s that explain wrote", plural(own, "picture"))


def _is_own(picture: Path, options: ExplainOptions) -> bool:
    """Whether an earlier call wrote it, where --out lies in a folder that is explained."""
    return picture.name.endswith(SUFFIX) and str(picture) not in options.files


def _no_video(path: Path) -> Iterator[Item | Problem]:
    raise SourceError(f"{quoted(path)}: a video; explain takes photos, so save one of its frames")


def _free(folder: Path, photo: Path, taken: set[Path]) -> Path:
    """A name that no other photo of this call has; what an earlier call wrote is replaced."""
    name, room = photo.name, _LONGEST_NAME - len(SUFFIX)
    if len(os.fsencode(name)) > room:
        name = os.fsencode(name)[:room].decode(errors="ignore")
    path, number = folder / f"{name}{SUFFIX}", 1
    while path in taken:
        number += 1
        path = folder / f"{name}-{number}{SUFFIX}"
    taken.add(path)
    return path


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise SinkError(f"{quoted(path)}: cannot be written: {reason(error)}") from error
