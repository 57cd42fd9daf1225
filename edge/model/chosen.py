"""The model that the options of a command choose."""

from pathlib import Path

from edgetl.edge.model.labels import read_labels
from edgetl.edge.model.latest import latest_model
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.normalization import parse_normalization


def chosen_model(path: Path | None, *, labels: Path | None, normalize: str | None) -> ModelFile:
    """The model in a file, or the newest export; arguments as `edge.model.options` has them.

    Raises:
        ModelFileError: it, or its labels, cannot be used; or there is none.
    """
    names = read_labels(labels) if labels else None
    scaling = parse_normalization(normalize) if normalize else None
    return read_model_file(path or latest_model(), labels=names, normalization=scaling)
