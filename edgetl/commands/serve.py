"""`edgetl serve`."""

from edgetl.command import command
from edgetl.edge.serve.options import ServeOptions


def serve(options: ServeOptions) -> None:
    from edgetl.edge.serve.running import serve as served

    served(options)


COMMAND = command(serve, epilog="Example: edgetl serve --model model.tflite --preview 0.0.0.0:8000")
