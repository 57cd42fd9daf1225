"""What is done with the pictures of a shard: the frozen backbone's pooled features of each."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from edgetl.edge.model.preprocessing import PREPROCESSING_VERSION, Pixels
from edgetl.edge.shards.listing import refuse_changed
from edgetl.edge.shards.manifest import Entry
from edgetl.edge.shards.work import Row
from edgetl.trainer.data.picture_cache import decode_each, pixel_digest
from edgetl.trainer.features.cache import Network, features_of_pixels
from edgetl.trainer.network.model import backbone_of, build_model
from edgetl.trainer.recipe import Recipe

# How features are stored, in the bytes of a row.
STORED = np.dtype("<f2")
# Pictures that go through the network together.
_CHUNK = 64


class PooledFeatures:
    """The frozen backbone's pooled features, as phase one has them; see `Work`.

    Attributes:
        channels: how many features a picture has.
        weights_sha256: of the backbone's weights.
        settings: what else the features depend on, as text.
    """

    def __init__(self, recipe: Recipe, *, cache: Path) -> None:
        """
        Args:
            recipe: the size of the input, the resize mode, and the backbone and its weights.
            cache: where converted networks are.

        Raises:
            SettingError: the weights cannot be read or do not fit.
        """
        model = build_model(recipe, 2)
        backbone = backbone_of(model)
        self._model, self._cache = model, cache
        self._input_size = recipe.input_size
        self.channels = int(backbone.output_shape[-1])
        self.weights_sha256 = _weights_sha256(backbone)
        self.settings = {
            "image-size": f"{recipe.height}x{recipe.width}",
            "fit": recipe.fit,
            "preprocessing": str(PREPROCESSING_VERSION),
        }
        described = json.dumps([self.weights_sha256, self.settings], sort_keys=True)
        self.sha256 = hashlib.sha256(described.encode()).hexdigest()
        self.schema = pa.schema(
            [
                pa.field("id", pa.int64(), nullable=False),
                pa.field("path", pa.string(), nullable=False),
                pa.field("pixels_sha256", pa.string()),
                pa.field("features", pa.binary(self.channels * STORED.itemsize)),
                pa.field("error", pa.string()),
            ]
        )

    def rows(self, root: str, entries: Sequence[Entry]) -> Iterator[Row]:
        """See `Work`. Pictures are decoded by all cores.

        Raises:
            SourceError: one has changed since it was indexed.
            DataError: the machine fails to read one that may be whole.
        """
        folder = Path(root)
        refuse_changed(folder, entries)
        paths = [folder / entry.path for entry in entries]
        decoded = zip(entries, decode_each(paths, self._input_size, "features"), strict=True)
        while some := list(islice(decoded, _CHUNK)):
            yield from self._rows([(entry, pixels) for entry, (pixels, _) in some])

    def _rows(self, some: Sequence[tuple[Entry, Pixels | str]]) -> Iterator[Row]:
        readable = [pixels for _, pixels in some if not isinstance(pixels, str)]
        features = iter(self._features(readable) if readable else ())
        for entry, pixels in some:
            row = {"id": entry.id, "path": entry.shown}
            if isinstance(pixels, str):
                yield {**row, "error": pixels.encode("utf-8", "backslashreplace").decode()}
            else:
                found = next(features)
                digest = pixel_digest(pixels)
                yield {**row, "pixels_sha256": digest, "features": found.tobytes()}

    @cached_property
    def _network(self) -> Network:
        return features_of_pixels(self._model, cache=self._cache)

    def _features(self, pictures: Sequence[Pixels]) -> npt.NDArray[np.float16]:
        return self._network(np.stack(pictures).astype(np.float32)).astype(STORED)


def _weights_sha256(backbone: keras.Model) -> str:
    digest = hashlib.sha256()
    for weight in backbone.get_weights():
        digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()
