"""Reads an edgetl model with the code of MediaPipe or OpenCV alone.

Run by test_interop.py, never imported. Its interpreter is that of an environment with mediapipe,
which brings OpenCV, and without edgetl, so nothing of this project may be imported here.

    python mediapipe_reader.py classify MODEL PICTURE...   each picture's categories and scores
    python mediapipe_reader.py metadata MODEL              what the metadata holds
    python mediapipe_reader.py opencv MODEL PICTURE...     the probabilities that OpenCV's DNN gives

Results are JSON on stdout; MediaPipe logs to stderr.
"""

import json
import sys
from pathlib import Path
from typing import Any


def classify(model: str, pictures: list[str]) -> list[list[tuple[str, float]]]:
    """(category_name, score) of each picture, in MediaPipe's order: the most probable first."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    # The model and nothing else: labels and scaling must come from its metadata.
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model))
    results = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for picture in pictures:
            result = classifier.classify(mediapipe.Image.create_from_file(picture))
            (head,) = result.classifications
            results.append([(c.category_name, c.score) for c in head.categories])
    return results


def metadata(model: str) -> dict[str, Any]:
    """What the schemas in MediaPipe's wheel read.

    Its `metadata.MetadataDisplayer` cannot be used: it imports a module that the wheel lacks.
    """
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
    from mediapipe.tasks.metadata import schema_py_generated as model_schema

    content = Path(model).read_bytes()
    root = model_schema.ModelT.InitFromObj(model_schema.Model.GetRootAs(content, 0))
    (entry,) = [entry for entry in root.metadata if entry.name == b"TFLITE_METADATA"]
    packed = bytes(root.buffers[entry.buffer].data)
    found = metadata_schema.ModelMetadataT.InitFromObj(
        metadata_schema.ModelMetadata.GetRootAs(packed, 0)
    )
    (subgraph,) = found.subgraphMetadata
    (image,) = subgraph.inputTensorMetadata
    (probability,) = subgraph.outputTensorMetadata
    (unit,) = image.processUnits
    (labels,) = probability.associatedFiles
    identified = metadata_schema.ModelMetadata.ModelMetadataBufferHasIdentifier(packed, 0)
    return {
        "identified": identified,
        "name": found.name.decode(),
        "description": found.description.decode(),
        "author": found.author.decode(),
        "version": found.version.decode(),
        "min_parser_version": found.minParserVersion.decode(),
        "files": [file.name.decode() for file in found.associatedFiles],
        "input": {
            "rgb": image.content.contentProperties.colorSpace == metadata_schema.ColorSpaceType.RGB,
            "normalized": unit.optionsType
            == metadata_schema.ProcessUnitOptions.NormalizationOptions,
            "mean": [float(value) for value in unit.options.mean],
            "std": [float(value) for value in unit.options.std],
            "min": [float(value) for value in image.stats.min],
            "max": [float(value) for value in image.stats.max],
        },
        "labels": {
            "name": labels.name.decode(),
            "axis_labels": labels.type == metadata_schema.AssociatedFileType.TENSOR_AXIS_LABELS,
        },
    }


def opencv(model: str, pictures: list[str]) -> list[list[float]]:
    """What OpenCV's own engine makes of pictures of the model's input size, in output order."""
    import cv2

    net = cv2.dnn.readNetFromTFLite(model)
    answers = []
    for picture in pictures:
        net.setInput(cv2.dnn.blobFromImage(cv2.imread(picture), swapRB=True))
        answers.append(net.forward()[0].tolist())
    return answers


if __name__ == "__main__":
    command, path, *pictures = sys.argv[1:]
    commands = {"classify": classify, "opencv": opencv}
    found = metadata(path) if command == "metadata" else commands[command](path, pictures)
    print(json.dumps(found))
