"""Python code that is run both on this machine and on an emulated one."""

VERSIONS = (
    "import importlib.metadata as m, platform\n"
    "print('python', platform.python_version(), platform.machine())\n"
    "for n in ('ai-edge-litert', 'tflite-runtime', 'numpy', 'opencv-python', 'pillow'):\n"
    "    try: print(n, m.version(n))\n"
    "    except m.PackageNotFoundError: pass\n"
    "import cv2; print('cv2', cv2.__version__)\n"
)

RUNTIME_MODULES = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}

# Few: they take seconds each when emulated.
PORTABLE_PICTURES = 4

# One picture after another through the kernels that are plain C++ on every processor.
PORTABLE = """
import hashlib, importlib, json, sys
import numpy as np
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.preprocessing import model_input
library = importlib.import_module(sys.argv[1] + ".interpreter")
model = read_model_file(sys.argv[2])
interpreter = library.Interpreter(
    model_content=model.content,
    experimental_op_resolver_type=library.OpResolverType.BUILTIN_REF,
)
interpreter.allocate_tensors()
taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
scale, zero = given["quantization"]
pixels, probabilities = [], []
for path in sys.argv[3:]:
    picture = model_input(path, model.input_size)
    pixels.append(hashlib.sha256(picture.tobytes()).hexdigest())
    interpreter.set_tensor(taken["index"], picture[np.newaxis].astype(taken["dtype"]))
    interpreter.invoke()
    values = interpreter.get_tensor(given["index"])[0].astype(float)
    probabilities.append(((values - zero) * scale if scale else values).tolist())
print(json.dumps({"pixels": pixels, "probabilities": probabilities}))
"""

# What LiteRT says, once a process, on stderr.
FAST = "Created TensorFlow Lite XNNPACK delegate for CPU"

LOADED = """
import os, sys
from ai_edge_litert.interpreter import Interpreter
os.dup2(1, 2)
Interpreter(model_path=sys.argv[1]).allocate_tensors()
"""


def parsed_versions(text: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in text.splitlines())


# How far apart the values of two pictures are at most, in their upper half: below is the caption,
# whose letters another FreeType places otherwise.
DIFFERENCE = (
    "import sys\n"
    "import numpy as np\n"
    "from PIL import Image\n"
    "read = lambda path: np.asarray(Image.open(path).convert('RGB'), int)\n"
    "here, there = map(read, sys.argv[1:])\n"
    "assert here.shape == there.shape, (here.shape, there.shape)\n"
    "print(abs(here - there)[: len(here) // 2].max())\n"
)

# Photos of a class that no model here knows: stripes of two colours.
NEW_CLASS = (
    "import pathlib, sys\n"
    "import numpy as np\n"
    "from PIL import Image\n"
    "folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])\n"
    "folder.mkdir(parents=True)\n"
    "random = np.random.default_rng(0)\n"
    "for number in range(count):\n"
    "    dark, light = random.integers(0, 90, 3), random.integers(160, 256, 3)\n"
    "    wave = np.arange(240) // random.integers(6, 16) % 2\n"
    "    stripes = np.where(wave[:, None, None], light, dark) + np.zeros((240, 240, 3))\n"
    "    stripes += random.normal(0, 6, stripes.shape)\n"
    "    Image.fromarray(stripes.clip(0, 255).astype('uint8')).save(folder / f'{number:02}.jpg')\n"
)
