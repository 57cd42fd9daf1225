"""Classification from one end to the other: source, classifier and sinks, as options ask for."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.runtime import default_threads
from edgetl.edge.pipeline.inference import results
from edgetl.edge.pipeline.loaded import Loaded, load, read_model
from edgetl.edge.pipeline.model_watch import ModelWatch
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.pipeline.prefetch import Prefetcher, threads_each
from edgetl.edge.pipeline.running import Outcome, run
from edgetl.edge.results.debounce import smoothed, with_thresholds
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sources.files import Item, Problem, files, missing_files_first, video
from edgetl.edge.sources.folders import is_same_folder
from edgetl.edge.sources.names import is_clip
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
    with GracefulShutdown() as shutdown, ExitStack() as stack, FanOut() as sinks:
        with gc_disabled():
            opened = _of_cameras if options.camera else _of_files
            found, loaded, parallel = opened(options, sinks, stack)
        outcome = run(found, sinks, shutdown=shutdown)
    runtime = loaded.classifier.runtime
    return replace(
        outcome,
        failed_sinks=sinks.failures,
        runtime=f"{runtime.name} {runtime.version}",
        threads=loaded.classifier.threads,
        parallel=parallel,
    )


_Opened = tuple[Iterator[Result | Problem], Loaded, int]


def _of_files(options: ClassifyOptions, sinks: FanOut, stack: ExitStack) -> _Opened:
    """The results of files, what they are made with first, and how many at a time."""
    _refuse_snapshots(options)
    model = _model(options)
    cores = options.threads or default_threads()
    # The first pictures are decoded while the interpreter is loaded.
    frames = partial(video, at_own_rate=options.at_own_rate)
    found = files(options.files, frames=frames, written=options.snapshots)
    items = Prefetcher(found, model.input_size, threads=cores)
    stack.enter_context(closing(items))
    # Imported here, what opens sinks takes no time: the first picture takes longer.
    from edgetl.edge.pipeline.live_model import open_sinks

    threads = threads_each(len(model.content), cores)
    _log_model(options, model)
    loaded = load(options, model, threads=threads)
    open_sinks(options, loaded, sinks)
    return _results(options, items, loaded), loaded, cores // threads


def _of_cameras(options: ClassifyOptions, sinks: FanOut, stack: ExitStack) -> _Opened:
    """As `_of_files`, of cameras, or of a video as if it were one."""
    from edgetl.edge.pipeline.live_model import LiveModel, open_sinks, results_of_newest
    from edgetl.edge.sources.build_camera import cameras_opener

    cameras = cameras_opener(options)
    model = _model(options)
    loaded = load(options, model, threads=options.threads or default_threads())
    items = stack.enter_context(cameras())
    _log_model(options, model)

    def classified(frames: Iterable[Item | Problem], by: Loaded) -> Iterator[Result | Problem]:
        return _results(options, _spaced(frames, options, alive=sinks.alive), by)

    # Of several none is a video.
    if is_clip(options.cameras[0].camera):
        open_sinks(options, loaded, sinks)
        return classified(items, loaded), loaded, 1
    live = LiveModel(options, loaded, sinks)
    watch = stack.enter_context(ModelWatch(model.path, live.successor))
    return results_of_newest(items, live, watch, classified), loaded, 1


def _refuse_snapshots(options: ClassifyOptions) -> None:
    for name in options.files:
        if os.path.isdir(name) and is_same_folder(Path(name), options.snapshots):  # noqa: PTH112
            raise SettingError(
                f"--snapshots {quoted(name)}: its pictures are what is classified; name another "
                f"folder"
            )


def _model(options: ClassifyOptions) -> ModelFile:
    with missing_files_first(options.files):
        return read_model(options)


def _log_model(options: ClassifyOptions, model: ModelFile) -> None:
    """Log which model is used, where no option names one, once nothing can be refused any more."""
    if options.model is None:
        logger.info("model %s", quoted(model.path))


def _spaced(
    items: Iterable[Item | Problem], options: ClassifyOptions, *, alive: Callable[[], None]
) -> Iterator[Item | Problem]:
    """The frames of cameras that are to be classified; `alive` is called at each other one."""
    if options.motion is None and options.every is None:
        yield from items
        return
    from edgetl.edge.sources.spacing import Frame, clock_of, spaced

    clock = clock_of(options.cameras[0].camera)
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


def _results(
    options: ClassifyOptions, items: Iterable[Item | Problem] | Prefetcher, loaded: Loaded
) -> Iterator[Result | Problem]:
    """The results of items, averaged over time and marked as uncertain as the options say."""
    found = results(items, loaded.classifier, top_k=options.top_k)
    if options.smooth is not None:
        predict = partial(loaded.classifier.predictions, top_k=options.top_k)
        found = smoothed(found, seconds=options.smooth, predict=predict)
    return with_thresholds(found, thresholds=loaded.thresholds)
