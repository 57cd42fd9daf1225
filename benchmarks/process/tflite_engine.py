"""A .tflite file through the device's own classifier. Never meets TensorFlow, nor trainer."""

from edgetl.benchmarks.process.engine import Job, Load, Variant
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.runtime import choose_runtime


def prepare(job: Job) -> Load:
    """Import the runtime; see edgetl.benchmarks.process.engine.

    Raises:
        EdgetlError: the runtime is not installed, or the model is not one that it can run.
    """
    runtime = choose_runtime(job.runtime)
    runtime.load()

    def classifier() -> Classifier:
        return Classifier(job.model, labels=job.labels, runtime=job.runtime, threads=job.threads)

    if read_model_file(job.model, labels=job.labels).manifest is not None:
        return lambda: {"": classifier().infer}

    # The classifier tries a model that is not edgetl's in a process of its own. That is no part of
    # loading it, so what is timed here does the same without.
    ready = classifier()

    def load() -> dict[str, Variant]:
        model = read_model_file(job.model, labels=job.labels)
        runtime.interpreter(model.content, threads=job.threads)
        return {"": ready.infer}

    return load
