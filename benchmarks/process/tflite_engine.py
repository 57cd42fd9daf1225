"""A .tflite file through the device's own classifier. Never meets TensorFlow, nor trainer."""

from edgetl.benchmarks.process.engine import Job, Load
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.runtime import choose_runtime


def prepare(job: Job) -> Load:
    """Import the runtime; see edgetl.benchmarks.process.engine.

    Raises:
        EdgetlError: the runtime is not installed, or the model is not one that it can run.
    """
    runtime = choose_runtime(job.runtime)
    runtime.load()

    def classifier() -> Classifier:
        return Classifier(
            job.model,
            labels=job.labels,
            normalize=job.normalize,
            runtime=job.runtime,
            threads=job.threads,
        )

    # The first tries the model in a process of its own, which is no part of loading it.
    classifier()
    return lambda: {"": classifier().infer}
