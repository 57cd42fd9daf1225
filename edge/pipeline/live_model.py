"""The model that a run with a camera uses: the newest that its file holds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from edgetl.edge.errors import EdgetlError, SettingError, quoted
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.pipeline.build_sinks import build_listeners, build_sinks, check_labels
from edgetl.edge.pipeline.loaded import Loaded, log_replaced, successor
from edgetl.edge.pipeline.model_watch import ModelWatch
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.system.messages import logger


def open_sinks(options: ClassifyOptions, loaded: Loaded, sinks: FanOut) -> None:
    """Open the sinks and listeners of the options, for a model that is not replaced.

    Raises:
        The errors of `build_sinks`.
    """
    _add_sinks(options, loaded, sinks, newest=lambda: loaded.model, live=False)
    for listener in build_listeners(lambda: loaded.model):
        sinks.add_listener(listener)


def _add_sinks(
    options: ClassifyOptions,
    loaded: Loaded,
    sinks: FanOut,
    *,
    newest: Callable[[], ModelFile],
    live: bool,
) -> None:
    for sink in build_sinks(
        options, loaded.model, newest=newest, thresholds=loaded.thresholds, live=live
    ):
        sinks.add(sink)


class LiveModel:
    """The model in use, and what takes over when its file is replaced.

    Attributes:
        in_use: what classifies now.
    """

    def __init__(self, options: ClassifyOptions, first: Loaded, sinks: FanOut) -> None:
        """Open the sinks and listeners of `first`, and give them to `sinks`.

        Raises:
            The errors of `build_sinks`.
        """
        self.in_use = first
        # The file in use, also where it was the newest export: a later run is another file.
        self._options = replace(options, model=first.model.path)
        self._sinks = sinks
        self._open_sinks()
        for listener in build_listeners(self.model_in_use):
            sinks.add_listener(listener)

    def model_in_use(self) -> ModelFile:
        """What classifies now."""
        return self.in_use.model

    def successor(self) -> Loaded | None:
        """What the file holds now, loaded and tried; None if that is in use. From any thread.

        Raises:
            EdgetlError: it cannot take over, and why.
        """
        loaded = successor(self._options, self.in_use)
        if loaded and loaded.needs_other_sinks(self.in_use):
            check_labels(self._options, loaded.model.labels)
            if self._options.save_video is not None:
                raise SettingError(
                    "its labels or thresholds are others, and --save-video began with those before "
                    "it; start edgetl again"
                )
        return loaded

    def take_over(self, new: Loaded) -> None:
        """Use `new` from now on, or go on with the one before where no sink can be opened for it.

        Sinks are opened again where labels or thresholds have changed, and stay open elsewhere.

        Raises:
            The errors of `build_sinks`, where neither can be.
        """
        path = quoted(new.model.path)
        before, self.in_use = self.in_use, new
        if new.needs_other_sinks(before):
            self._sinks.close_sinks()
            try:
                self._open_sinks()
            except EdgetlError as error:
                logger.error(f"{path} was replaced; the model before it stays in use: {error}")
                self.in_use = before
                self._sinks.close_sinks()
                self._open_sinks()
                return
        log_replaced(new)

    def _open_sinks(self) -> None:
        _add_sinks(self._options, self.in_use, self._sinks, newest=self.model_in_use, live=True)


def results_of_newest(
    items: Iterable[Item | Problem],
    live: LiveModel,
    watch: ModelWatch[Loaded],
    results: Callable[[Iterator[Item | Problem], Loaded], Iterator[Result | Problem]],
) -> Iterator[Result | Problem]:
    """The results of items, each by the newest model.

    Args:
        items: frames, as they come.
        live: the model in use.
        watch: of its file, with `live.successor`.
        results: what a model makes of items, one by one.
    """
    following = iter(items)
    while True:
        yield from results(_until_replaced(following, watch), live.in_use)
        if not watch.ready:
            return
        live.take_over(watch.take())


def _until_replaced(
    items: Iterator[Item | Problem], watch: ModelWatch[Loaded]
) -> Iterator[Item | Problem]:
    while not watch.ready:
        try:
            item = next(items)
        except StopIteration:
            return
        yield item
