"""What can be checked here of a service that will run on another machine."""

from dataclasses import replace
from pathlib import Path

from edgetl.deploy.options import ClassifyService, DeployedService
from edgetl.edge.errors import SettingError
from edgetl.edge.model.latest import model_of
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.pipeline.build_sinks import check_labels
from edgetl.edge.preview.address import parse_address
from edgetl.edge.service.checks import check_thresholds
from edgetl.edge.service.needs import for_service
from edgetl.edge.sinks.mqtt_url import parse_mqtt_url
from edgetl.edge.sources.build_camera import cameras_opener


def check_service(service: DeployedService, model: Path) -> None:
    """Check the options of a service, and that the model has what they are for.

    Args:
        model: a run with exports, or a .tflite file.

    Raises:
        SettingError: the device would refuse them.
        ModelFileError: the model is damaged, or the run has none.
    """
    try:
        _check_options(service)
        content = read_model_file(model_of(model))
        if isinstance(service, ClassifyService):
            check_labels(service, content.labels)
        check_thresholds(service, content)
    except SettingError as error:
        raise SettingError(f"--service: {error}") from error


def _check_options(service: DeployedService) -> None:
    if service.preview is not None:
        parse_address(service.preview)
    if isinstance(service, ClassifyService):
        # On the device the model has a path of its own.
        complete = replace(service, model=Path("model.tflite"))
        cameras_opener(for_service(complete, root=Path("/")))
        if service.mqtt is not None:
            parse_mqtt_url(service.mqtt, certificate=service.mqtt_cert, key=service.mqtt_key)
