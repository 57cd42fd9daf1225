"""Classification from one end to the other: source, classifier and sinks, as options ask for."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from glob import has_magic

from edgetl.edge.errors import ModelFileError, SourceError, quoted
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.labels import read_labels
from edgetl.edge.model.latest import latest_model
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.normalization import parse_normalization
from edgetl.edge.model.runtime import default_threads
from edgetl.edge.pipeline.build_sinks import build_listeners, build_sinks
from edgetl.edge.pipeline.inference import results
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.pipeline.prefetch import Prefetcher, threads_each
from edgetl.edge.pipeline.running import Outcome, run
from edgetl.edge.pipeline.thresholds import build_thresholds
from edgetl.edge.results.debounce import smoothed, with_thresholds
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sources.files import Item, Problem, files, video
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.messages import logger
from edgetl.edge.system.shutdown import GracefulShutdown


def classify(options: ClassifyOptions) -> Outcome:
    """Classify what `options` name, and give the results to the sinks they name.

    What cannot be read is logged, and the rest goes on. A signal ends it between two results:
    SIGINT with KeyboardInterrupt, SIGTERM and SIGHUP with SystemExit, if this is the main thread.

    Raises:
        SettingError: an option does not fit the model, or the camera.
        ModelFileError: the model or its labels cannot be used.
        SourceError: the camera cannot be opened, or stops.
        SinkError: a sink cannot be opened.
        MissingExtraError: an option needs a package that is not installed here.
    """
    camera = None
    if options.camera is not None:
        from edgetl.edge.sources.build_camera import camera_opener

        camera = camera_opener(options)
    with GracefulShutdown() as shutdown, ExitStack() as stack, FanOut() as sinks:
        with gc_disabled():
            model = _model(options)
            cores = threads = options.threads or default_threads()
            items: Iterable[Item | Problem] | Prefetcher
            if camera is None:
                # The first pictures are decoded while the interpreter is loaded.
                frames = partial(video, at_own_rate=options.at_own_rate)
                found = files(options.files, frames=frames)
                items = Prefetcher(found, model.input_size, threads=cores)
                stack.enter_context(closing(items))
                threads = threads_each(len(model.content), cores)
            classifier = Classifier(
                model, runtime=options.runtime, threads=threads, unknown_at=options.unknown_at
            )
            live = False
            if camera is not None:
                from edgetl.edge.sources.camera import Camera

                items = stack.enter_context(camera())
                live = isinstance(items, Camera)
                items = _chosen(items, options, alive=sinks.alive)
            if options.model is None:
                logger.info("model %s", quoted(model.path))
            thresholds = build_thresholds(options.threshold, model)
            for sink in build_sinks(options, model, thresholds=thresholds, live=live):
                sinks.add(sink)
            for listener in build_listeners():
                sinks.add_listener(listener)
        outcome = run(_stable(items, classifier, options, thresholds), sinks, shutdown=shutdown)
    return replace(
        outcome,
        failed_sinks=sinks.failures,
        runtime=f"{classifier.runtime.name} {classifier.runtime.version}",
        threads=threads,
        parallel=cores // threads,
    )


def _model(options: ClassifyOptions) -> ModelFile:
    try:
        path = options.model or latest_model()
        labels = read_labels(options.labels) if options.labels else None
        scaling = parse_normalization(options.normalize) if options.normalize else None
        return read_model_file(path, labels=labels, normalization=scaling)
    except ModelFileError:
        for name in options.files:
            # The photo comes first on the command line, and is the likelier mistake.
            if name != "-" and not has_magic(name) and not os.path.exists(name):  # noqa: PTH110
                message = f"{quoted(name)}: no such file or directory"
                raise SourceError(message) from None
        raise


def _chosen(
    items: Iterable[Item | Problem], options: ClassifyOptions, *, alive: Callable[[], None]
) -> Iterator[Item | Problem]:
    """The frames of a camera that are to be classified; `alive` is called at each other one."""
    if options.motion is None and options.every is None:
        yield from items
        return
    from edgetl.edge.sources.spacing import Frame, clock_of, spaced

    clock = clock_of(options.camera or "")
    frames: Iterable[Frame] = items
    if options.motion is not None:
        from edgetl.edge.sources.motion import moving

        frames = moving(frames, options.motion / 100, clock=clock)
    if options.every is not None:
        frames = spaced(frames, options.every, clock=clock)
    for frame in frames:
        if frame is None:
            alive()
        else:
            yield frame


def _stable(
    items: Iterable[Item | Problem] | Prefetcher,
    classifier: Classifier,
    options: ClassifyOptions,
    thresholds: Sequence[float],
) -> Iterator[Result | Problem]:
    """The results of items, averaged over time and marked as uncertain as the options say."""
    found = results(items, classifier, top_k=options.top_k)
    if options.smooth is not None:
        predict = partial(classifier.predictions, top_k=options.top_k)
        found = smoothed(found, seconds=options.smooth, predict=predict)
    return with_thresholds(found, thresholds=thresholds) if any(thresholds) else found
