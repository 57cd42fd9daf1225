"""The subprocess of `sandbox`: RUNTIME, THREADS, SECONDS and perhaps one more as arguments.

That is path=PATH, of a model to read, check and time. Without, the model is on stdin, already read
and checked, and the argument is what it expects of a pixel, [MEAN, STD] in JSON. After SECONDS a
model that is still running ends the process by SIGALRM. It prints one JSON object:

    {"does_not_load": "why"}    a library does not load
    {"model_problem": "why"}    the file is no model that edgetl takes
    {"refused": "why"}          the runtime does not take it

or of the output for a few pictures {"shape": [...], "dtype": "...", "finite": bool};
with a path, also "declared", the output's shape and dtype as the file says, "model" in words, its
"sha256", and the median "milliseconds" of an inference.
"""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgetl.edge.errors import ModelFileError
from edgetl.edge.model.runtime import choose_runtime
from edgetl.edge.system.standard_streams import keep_stdout

# A model that asks for more memory than there is shall cost this process, not another one.
_FIRST_TO_GO = "1000"

# What a model may take beside its file's copies: the tensors of a genuine classifier of the largest
# pictures take less, and two interpreters of it leave a small board some memory.
_MORE_BYTES = 400 * 10**6
_BYTES_A_THREAD = 16 * 10**6  # its stack, and what the library keeps for it
_COPIES = 4  # weights are unpacked, or quantized ones made float

_SIDE = 128  # pixels of the pictures that it is tried with, before they are resized
_UNTIMED = 3
_MOST_TIMED = 50
_TIMED_SECONDS = 3.0


def main() -> None:
    """Run the model; a crash is an answer too."""
    runtime, threads, seconds, *more = sys.argv[1:]
    with keep_stdout() as answer:
        _expect_a_crash()
        report = _report(runtime, int(threads), float(seconds), *more)
        answer.write(json.dumps(report).encode())


def _expect_a_crash() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    with contextlib.suppress(ImportError, OSError, ValueError):
        # Not on Windows, which leaves no core files either.
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _report(runtime: str, threads: int, seconds: float, more: str = "null") -> dict[str, Any]:
    path = Path(more.removeprefix("path=")) if more.startswith("path=") else None
    try:
        if path is not None:
            return _timed(path, runtime, threads, seconds)
        expects = json.loads(more)
        return _tried(sys.stdin.buffer.read(), expects, runtime, threads, seconds)[0]
    except ModelFileError as error:
        return {"model_problem": str(error)}
    except ImportError as error:
        return {"does_not_load": " ".join(str(error).split())}
    except (ValueError, RuntimeError) as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": "it needs too much memory"}


def _timed(path: Path, runtime: str, threads: int, seconds: float) -> dict[str, Any]:
    """What a model that is yet to be read does, and in what time."""
    from edgetl.edge.model.model_file import read_model_file
    from edgetl.edge.model.preprocessing import model_input

    model = read_model_file(path)
    # What classify does in front of the model has to work here as well.
    model_input(next(_pictures(_SIDE, _SIDE)), model.input_size)
    expects = model.normalization and (model.normalization.mean, model.normalization.std)
    report, infer_again = _tried(model.content, expects, runtime, threads, seconds)
    report["declared"] = model.output.shape, model.output.dtype.name
    report["sha256"] = model.content_sha256
    size = model.input_size
    report["model"] = f"{len(model.labels)} classes, {size.width}x{size.height}"
    report["milliseconds"] = _median_milliseconds(infer_again)
    return report


def _tried(
    content: bytes, expects: Any, runtime: str, threads: int, seconds: float
) -> tuple[dict[str, Any], Callable[[], Any]]:
    """What a model does with a few pictures, and what infers the last of them again."""
    # Here: they may not load, and may print when they do.
    import numpy as np

    library = choose_runtime(runtime)
    library.load()
    began = time.perf_counter()
    with _time_limit(seconds):
        _limit_memory(_MORE_BYTES + _BYTES_A_THREAD * threads + _COPIES * len(content))
        interpreter = library.interpreter(content, threads=threads)
        given = interpreter.get_input_details()[0]

        def infer(picture: Any) -> Any:
            interpreter.set_tensor(given["index"], picture)
            interpreter.invoke()
            return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

        finite = True
        for pixels in _pictures(*given["shape"][1:3]):
            picture = _as_input(pixels, expects, given["dtype"])
            output = infer(picture)
            finite &= bool(np.isfinite(output).all())
            # A slow model is tried with fewer.
            if time.perf_counter() - began > seconds / 2:
                break
    report = {"shape": list(output.shape), "dtype": output.dtype.name, "finite": finite}
    return report, lambda: infer(picture)


def _pictures(height: int, width: int) -> Iterator[Any]:
    """A scene, and then black, white, grey and noise: uint8 [height, width, 3]."""
    import numpy as np

    y, x = np.mgrid[:_SIDE, :_SIDE] / _SIDE
    scene = np.stack([x, y, 1 - x], axis=-1) * 160 + 40
    scene[(x - 0.4) ** 2 + (y - 0.5) ** 2 < 0.04] = (200, 120, 40)
    scene[(np.abs(x - 0.7) < 0.15) & (np.sin(60 * y) > 0)] = (30, 60, 20)
    noise = np.random.default_rng(0).integers(0, 256, scene.shape)
    rows, columns = (np.arange(side) * _SIDE // side for side in (height, width))
    for picture in (scene, *(np.full_like(scene, value) for value in (0, 255, 127)), noise):
        yield picture.astype(np.uint8)[rows][:, columns]


def _as_input(pixels: Any, expects: Any, dtype: Any) -> Any:
    """Pixels as [1, height, width, 3] of the input's dtype, over all values of a quantized one."""
    import numpy as np

    if dtype == np.int8:
        return (pixels[np.newaxis].astype(np.int16) - 128).astype(np.int8)
    picture = pixels[np.newaxis].astype(dtype)
    if dtype == np.float32 and expects:
        mean, std = (np.asarray(number, np.float32) for number in expects)
        picture = (picture - mean) / std
    return picture


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """End the process by SIGALRM after a time, in native code too; Windows has no such thing."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(more: int) -> None:
    """Let the process take so many bytes more than it has; on Linux."""
    with contextlib.suppress(ImportError, OSError, ValueError, StopIteration):
        import resource

        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        has = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (has + more, hard))


def _median_milliseconds(call: Any) -> float:
    for _ in range(_UNTIMED):
        call()
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < _MOST_TIMED and time.perf_counter() - began < _TIMED_SECONDS:
        before = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - before)
    return round(sorted(seconds)[len(seconds) // 2] * 1000, 3)


if __name__ == "__main__":
    main()
