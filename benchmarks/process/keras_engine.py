"""A run's Keras model, in each variant of calling it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetl.benchmarks.process.engine import Job, Load, Variant
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.system.extras import need_extra
from edgetl.trainer.run.folder import RunFolder

# What `compiled_call` makes.
TF_FUNCTION = "tf.function"


def prepare(job: Job) -> Load:
    """Import TensorFlow, which gets the job's threads; see edgetl.benchmarks.process.engine.

    Raises:
        MissingExtraError: it is not installed.
    """
    need_extra("train", needs="the Keras model")
    import tensorflow as tf

    from edgetl.trainer.network.model import compiled_call, logits_to_probabilities
    from edgetl.trainer.network.unknown_output import TrainedModel

    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.threads)

    def probabilities(head: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        answer: npt.NDArray[np.float32] = logits_to_probabilities(head)[0]
        return answer

    def load() -> dict[str, Variant]:
        run = RunFolder(Path(job.model).parent)
        model = TrainedModel(run.model, run.learned_unknown).load_whole()
        compiled = compiled_call(model)

        def called(pixels: Pixels) -> npt.NDArray[np.float32]:
            batch = pixels[np.newaxis].astype(np.float32)
            return probabilities(np.asarray(model(batch, training=False)))

        def predicted(pixels: Pixels) -> npt.NDArray[np.float32]:
            return probabilities(model.predict(pixels[np.newaxis], verbose=0))

        return {
            TF_FUNCTION: lambda pixels: probabilities(compiled(pixels)),
            "predict": predicted,
            "model(x)": called,
        }

    return load
