"""`edgetl deploy`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetl.command import JsonOption, command
from edgetl.deploy.options import DeployOptions
from edgetl.edge.errors import SettingError

if TYPE_CHECKING:
    from edgetl.edge.pipeline.loaded import ModelSettings


def deploy(options: DeployOptions, as_json: JsonOption = False) -> None:
    from rich.console import Console

    from edgetl.deploy.deploying import deploy as deploy_to
    from edgetl.deploy.rendering import deployed_json, print_deployed

    if options.service_arguments is not None:
        _check_service(options.service_arguments, options.model)
    results = deploy_to(options)
    if as_json:
        print(deployed_json(results))
    else:
        print_deployed(results, Console(), dry_run=options.dry_run)
    if any(result.why for result in results):
        raise typer.Exit(1)


def _check_service(arguments: list[str], model: Path) -> None:
    """Check the options of a service here, before anything is sent.

    Raises:
        SettingError: the device would refuse them.
        ModelFileError: the model, which they are for, is damaged, or the run has none.
    """
    for option in ("--model", "--name", "--runtime"):
        if option in {argument.partition("=")[0] for argument in arguments}:
            raise SettingError(
                f"--service: {option} is given by the deployment itself; leave it out"
                + ("; edgetl_runtime in an inventory changes it" if option == "--runtime" else "")
            )
    try:
        if arguments[:1] == ["serve"]:
            _check_serve(["--model=model.tflite", *arguments[1:]], model)
        else:
            _check_classify(["--model=model.tflite", *arguments], model)
    except SettingError as error:
        raise SettingError(f"--service: {error}") from error


def _check_serve(arguments: list[str], model: Path) -> None:
    from edgetl.command import options_from_arguments
    from edgetl.edge.preview.address import parse_address
    from edgetl.edge.serve.options import ServeOptions
    from edgetl.edge.service.options import ServiceOptions

    @dataclass(frozen=True)
    class InstallServeOptions(ServiceOptions, ServeOptions):
        """What `edgetl service install serve` takes."""

    given = options_from_arguments(
        InstallServeOptions, arguments, name="edgetl service install serve"
    )
    parse_address(given.address)
    _check_thresholds(given, model)


def _check_classify(arguments: list[str], model: Path) -> None:
    from edgetl.command import options_from_arguments
    from edgetl.edge.model.latest import model_of
    from edgetl.edge.model.model_file import read_model_file
    from edgetl.edge.pipeline.build_sinks import check_labels
    from edgetl.edge.pipeline.options import ClassifyOptions
    from edgetl.edge.preview.address import parse_address
    from edgetl.edge.service.needs import for_service
    from edgetl.edge.service.options import ServiceOptions
    from edgetl.edge.sinks.mqtt_url import parse_mqtt_url
    from edgetl.edge.sources.build_camera import cameras_opener

    @dataclass(frozen=True)
    class InstallOptions(ServiceOptions, ClassifyOptions):
        """What `edgetl service install` takes."""

    given = options_from_arguments(InstallOptions, arguments, name="edgetl service install")
    cameras_opener(for_service(given, root=Path("/")))
    if given.preview is not None:
        parse_address(given.preview)
    if given.mqtt is not None:
        parse_mqtt_url(given.mqtt, certificate=given.mqtt_cert, key=given.mqtt_key)
    if given.gpio or given.keep:
        check_labels(given, read_model_file(model_of(model)).labels)
    _check_thresholds(given, model)


def _check_thresholds(options: "ModelSettings", model: Path) -> None:
    from edgetl.edge.model.latest import model_of
    from edgetl.edge.model.model_file import read_model_file
    from edgetl.edge.model.precision import Precision
    from edgetl.edge.service.checks import check_thresholds

    # Without such a threshold the model need not be read here.
    if options.unknown_at is not None or isinstance(options.threshold, Precision):
        check_thresholds(options, read_model_file(model_of(model)))


COMMAND = command(
    deploy, epilog="Example: edgetl deploy runs/latest pi@raspberrypi.local --max-ms 50"
)
