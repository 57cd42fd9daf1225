"""What `edgetl serve` does: it answers until a signal comes."""

import time
from contextlib import closing
from typing import Any

from edgetl.edge.errors import SinkError, quoted
from edgetl.edge.model.chosen import chosen_model
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.pipeline.thresholds import build_thresholds
from edgetl.edge.preview.serving import serve as serve_page
from edgetl.edge.serve.answering import Answering
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.system.messages import logger
from edgetl.edge.system.shutdown import GracefulShutdown

_LOOK_SECONDS = 0.5


def serve(options: ServeOptions) -> None:
    """Classify the pictures that are posted, until a signal comes; Ctrl-C is its usual end.

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
    model = chosen_model(options.model, labels=options.labels, normalize=options.normalize)
    classifier = Classifier(
        model, runtime=options.runtime, threads=options.threads, unknown_at=options.unknown_at
    )
    if options.model is None:
        logger.info("model %s", quoted(model.path))
    thresholds = build_thresholds(options.threshold, model)
    about = {
        "model": model.path.name,
        "labels": list(model.labels),
        "height": model.input_size.height,
        "width": model.input_size.width,
        "runtime": f"{classifier.runtime.name} {classifier.runtime.version}",
        "threads": classifier.threads,
    }
    prefix = options.preview_prefix or ""
    with closing(Answering(classifier, top_k=options.top_k, thresholds=thresholds)) as answering:

        def app() -> Any:
            from edgetl.edge.serve.routes import serve_app

            return serve_app(answering, about, prefix=prefix)

        server = serve_page(
            app,
            options.address,
            option="serve",
            stop=answering.close,
            names=options.preview_host,
            prefix=prefix,
        )
        logger.info(f"serve: {server.url}")
        with closing(server):
            while server.running():
                time.sleep(_LOOK_SECONDS)
            raise SinkError(f"the server at {server.url} has stopped; start edgetl again")
