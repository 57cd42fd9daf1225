"""`edgetl serve` as the job of a service."""

from dataclasses import replace

from edgetl.edge.errors import EdgetlError
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.service.checks import Tried, check_address, check_model, check_thresholds
from edgetl.edge.service.job import Job
from edgetl.edge.service.options import UnitLocation
from edgetl.edge.service.paths import named_paths, with_absolute_paths
from edgetl.edge.system.extras import need_extra


def serve_job(options: ServeOptions, location: UnitLocation) -> Job:
    """What a service runs that classifies posted pictures; nothing is written.

    Raises:
        SettingError: no job can be made of these options.
    """
    # The unit says where it listens, also where that is the default.
    given = replace(with_absolute_paths(options), preview=options.address)
    arguments = ["serve", *given.arguments()]
    paths = named_paths(given)
    return Job(
        description="edgetl: pictures that are posted, classified",
        arguments=arguments,
        shown=arguments,
        paths=paths,
        reads=[path for _, path in paths],
        network=True,
        keeps_key=True,
        refused=_refused(given, location),
    )


def _refused(options: ServeOptions, location: UnitLocation) -> list[EdgetlError]:
    tried = Tried()
    model = tried(lambda: check_model(options, location.root))
    tried(lambda: check_address(options.address, location))
    if model is not None:
        tried(lambda: check_thresholds(options, model))
    if location.running:
        tried(lambda: need_extra("preview", needs="serve"))
    return tried.refused
