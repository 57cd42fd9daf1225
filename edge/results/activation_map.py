"""Where in a picture the evidence for a class is, and that drawn over the picture.

A class activation map (Zhou et al., CVPR 2016, https://arxiv.org/abs/1512.04150): with average
pooling and one dense layer, the mean of the map plus the bias is the logit itself.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.preprocessing import Pixels

EvidenceMap = npt.NDArray[np.float32]

# Vermilion and blue of Okabe and Ito, which every common kind of colour blindness tells apart.
_FOR = np.array((213, 94, 0), np.float32)
_AGAINST = np.array((0, 114, 178), np.float32)
_STRONGEST_ALPHA = 0.75
# Below 1 a half of the strongest evidence would look like all of it.
_ALPHA_EXPONENT = 1.5
# Colours of the picture itself would be taken for evidence.
_GREY = 0.85


def activation_map(
    features: npt.NDArray[np.floating[Any]], weights: npt.NDArray[np.floating[Any]]
) -> EvidenceMap:
    """The evidence for a class at each place: float32 [h, w], whose mean is its logit less bias.

    Args:
        features: what goes into average pooling, float32 [h, w, channels].
        weights: of the class in the dense layer, float32 [channels]; those of one class less those
            of another give what speaks for the one rather than the other.
    """
    return np.asarray(features @ weights, np.float32)


def overlaid(picture: Pixels, evidence: EvidenceMap, *, strongest: float | None = None) -> Pixels:
    """The picture under its evidence: vermilion where it is for the class, blue where against.

    The stronger, the less of the picture is seen through it.

    Args:
        picture: uint8 [height, width, 3] RGB.
        evidence: float32 [h, w] over the whole picture, in any unit.
        strongest: what gets the full colour, in the same unit. Default: the largest in the map.

    Returns:
        uint8 [height, width, 3] RGB, never `picture` itself.
    """
    height, width = picture.shape[:2]
    scale = float(np.abs(evidence).max()) if strongest is None else strongest
    smooth = cv2.resize(evidence.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    share = np.clip(smooth / max(scale, 1e-12), -1, 1)[..., np.newaxis]
    alpha = _STRONGEST_ALPHA * np.abs(share) ** _ALPHA_EXPONENT
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., np.newaxis]
    faded = (1 - _GREY) * picture + _GREY * grey
    blended = (1 - alpha) * faded + alpha * np.where(share > 0, _FOR, _AGAINST)
    return np.asarray(np.rint(blended), np.uint8)
