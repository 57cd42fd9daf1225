"""What `edgetl serve` does: it answers until a signal comes."""

import os
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

from edgetl.edge.errors import SinkError, plural, quoted
from edgetl.edge.model.runtime import default_threads
from edgetl.edge.pipeline.loaded import Loaded, load, log_replaced, read_model, successor
from edgetl.edge.pipeline.model_watch import ModelWatch
from edgetl.edge.preview.serving import Serving
from edgetl.edge.preview.serving import serve as serve_page
from edgetl.edge.results.probability import percent
from edgetl.edge.serve.answering import Answering
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.system.messages import logger
from edgetl.edge.system.sd_notify import Notifier, manager_from
from edgetl.edge.system.shutdown import GracefulShutdown

_LOOK_SECONDS = 0.5
# A picture that takes longer hangs, in its decoder or in the interpreter.
_PICTURE_SECONDS = 5.0


def serve(options: ServeOptions) -> None:
    """Classify the pictures that are posted, until a signal comes; Ctrl-C is its usual end.

    A model file that is replaced takes over between two pictures. systemd, where it has started
    this process, hears that it is ready, how it goes, and whether it hangs.

    Raises:
        SettingError: an option does not fit the model, or the address is not one of this machine.
        ModelFileError: the model or its labels cannot be used.
        SinkError: the port is taken, or the server has stopped.
        MissingExtraError: starlette or uvicorn is not installed.
    """
    with GracefulShutdown():
        try:
            _serve(options)
        except KeyboardInterrupt:
            logger.info("stopped")


def _serve(options: ServeOptions) -> None:
    model = read_model(options)
    loaded = load(options, model, threads=options.threads or default_threads())
    if options.model is None:
        logger.info("model %s", quoted(model.path))
    with closing(Answering(loaded, top_k=options.top_k)) as answering:

        def app() -> Any:
            from edgetl.edge.serve.routes import serve_app

            return serve_app(answering)

        server = serve_page(
            app,
            options.address,
            option="serve",
            stop=answering.close,
            names=options.preview_host,
            prefix=options.preview_prefix,
            json_errors=True,
        )
        logger.info(f"serve: {server.url}")
        # The file in use, also where it was the newest export: a later run is another file.
        in_use = replace(options, model=model.path)
        watch = ModelWatch(model.path, lambda: successor(in_use, answering.in_use))
        with closing(server), watch:
            _attend(server, answering, watch)


def _attend(server: Serving, answering: Answering, watch: ModelWatch[Loaded]) -> None:
    """Let other models take over, and systemd know how it goes, as long as the server runs."""
    with closing(Notifier(manager_from(os.environ))) as notifier:
        while server.running():
            if watch.ready:
                answering.in_use = watch.take()
                log_replaced(answering.in_use)
            if server.responds() and answering.seconds_at_picture() < _PICTURE_SECONDS:
                notifier.works(lambda: _status(answering))
            time.sleep(_LOOK_SECONDS)
    raise SinkError(f"the server at {server.url} has stopped; start edgetl again")


def _status(answering: Answering) -> str:
    # `edgetl deploy` goes by the model.
    model = f"model {answering.in_use.model.content_sha256[:8]}"
    if answering.newest is None:
        return f"no picture yet, {model}"
    share = percent(answering.newest.predictions[0].probability, digits=0)
    return f"{answering.newest.label} {share}, {plural(answering.count, 'picture')}, {model}"
