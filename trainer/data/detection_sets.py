"""Sets for object detection and segmentation, which hold pictures and no classes of them."""

import re
from collections.abc import Iterator, Sequence

from edgetl.trainer.data.walking import Folder

# Files that only such sets have: of COCO, VOC, YOLO, Roboflow's other exports.
_FILES: tuple[tuple[str, str], ...] = (
    (r"_annotations\.coco\.json|instances_.*\.json|annotations\.json", "COCO"),
    (r"_annotations\.createml\.json", "CreateML"),
    (r"_annotations\.csv|_annotations\.txt", "Roboflow"),
    (r"_darknet\.labels", "Darknet"),
    (r".*\.tfrecord", "TFRecord"),
)
# Folders of pictures that are no classes: what an export calls pictures, and what belongs to them.
_OF_PICTURES = "images image imgs img jpegimages photos pictures"
_OF_LABELS = (
    "annotation annotations bboxes groundtruth gt labels mask masks segmentationclass "
    "segmentationobject"
)
_LABEL_FOLDERS = frozenset(_OF_LABELS.split())
_CONTENT_FOLDERS = _LABEL_FOLDERS | frozenset(_OF_PICTURES.split())
_LABEL_SUFFIXES = {".txt": "YOLO", ".xml": "VOC"}


def detection_format(top: Folder) -> str | None:
    """The format of a set for object detection, None if it does not look like one.

    A data set whose classes are in folders may hold the same files; ask only where none are found.
    """
    for folder in _all_folders(top):
        for pattern, name in _FILES:
            if any(re.fullmatch(pattern, file.lower()) for file in folder.others):
                return name
        for suffix, name in _LABEL_SUFFIXES.items():
            if _has_labels(folder, suffix):
                return name
    return None


def are_content_folders(names: Sequence[str]) -> bool:
    """Whether folders are images, masks and the like, which any such set holds, and no classes."""
    return len(names) > 1 and all(name.lower() in _CONTENT_FOLDERS for name in names)


def _has_labels(folder: Folder, suffix: str) -> bool:
    labels = sum(name.lower().endswith(suffix) for name in folder.others)
    if labels and not _LABEL_FOLDERS.isdisjoint(folder.path.lower().split("/")):
        return True
    # One file beside each picture, of the same name.
    if labels * 2 <= len(folder.pictures) or not folder.pictures:
        return False
    stems = {name.rpartition(".")[0] for name in folder.pictures}
    matching = sum(
        name.rpartition(".")[0] in stems for name in folder.others if name.endswith(suffix)
    )
    return matching * 2 > len(folder.pictures)


def _all_folders(top: Folder) -> Iterator[Folder]:
    yield top
    for folder in top.folders:
        yield from _all_folders(folder)
