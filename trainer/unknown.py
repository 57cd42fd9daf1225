"""unknown.npz: from where on a run's model calls a picture "unknown". Imports no TensorFlow."""

import io
from pathlib import Path

import numpy as np

from edgetl.edge.errors import RunFolderError, quoted
from edgetl.edge.model.class_distance import ClassDistance, Unknown
from edgetl.edge.system.files import read_regular_file, replacing

# A thousand classes of 1280 channels take 10 MB.
_MOST_BYTES = 200 * 10**6


def write_unknown(path: Path, unknown: Unknown) -> None:
    """Write unknown.npz."""
    packed = io.BytesIO()
    np.savez(
        packed,
        means=unknown.distance.means,
        basis=unknown.distance.basis,
        numbers=np.array([unknown.distance.variance, unknown.slope, unknown.threshold]),
        counts=np.array([unknown.held_out, unknown.passed]),
    )
    with replacing(path) as temporary:
        temporary.write_bytes(packed.getvalue())


def read_unknown(path: Path) -> Unknown:
    """Read unknown.npz.

    Raises:
        RunFolderError: it is damaged.
    """
    try:
        with np.load(io.BytesIO(read_regular_file(path, at_most=_MOST_BYTES))) as file:
            variance, slope, threshold = file["numbers"].tolist()
            means, basis = (np.asarray(file[name], np.float64) for name in ("means", "basis"))
            held_out, passed = map(int, file["counts"])
        (_, channels), (channels_too, _) = means.shape, basis.shape
        finite = all(np.isfinite(a).all() for a in (means, basis, [variance, slope, threshold]))
        if channels != channels_too or not finite or variance <= 0:
            raise ValueError("its numbers do not fit one another")
        return Unknown(ClassDistance(means, basis, variance), slope, threshold, held_out, passed)
    except Exception as error:  # A damaged archive raises anything from BadZipFile to KeyError.
        words = " ".join(str(error).split())[:200]
        raise RunFolderError(f"{quoted(path)}: damaged ({words}); train again") from error
