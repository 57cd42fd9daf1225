"""`edgetl classify` as the job of a service."""

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edgetl.edge.actions.webhook_url import shown_webhook
from edgetl.edge.errors import EdgetlError, SettingError, quoted
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.pipeline.build_sinks import broker, check_labels, output_begins
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service import needs
from edgetl.edge.service.checks import (
    Tried,
    check_address,
    check_model,
    check_thresholds,
)
from edgetl.edge.service.job import Job
from edgetl.edge.service.options import UnitLocation
from edgetl.edge.service.paths import inside, named_paths
from edgetl.edge.sinks.lines import check_begins
from edgetl.edge.sinks.mqtt_url import PASSWORD_VARIABLE
from edgetl.edge.sources.build_camera import cameras_opener
from edgetl.edge.sources.capture import is_stream
from edgetl.edge.system.extras import need_extra, need_package
from edgetl.edge.system.masking import masked, secrets_of


def classify_job(options: ClassifyOptions, location: UnitLocation) -> Job:
    """What a service runs that classifies what cameras see; nothing is written.

    Raises:
        SettingError: no job can be made of these options.
    """
    given = needs.for_service(options, root=location.root)
    given = needs.with_whole_program(given, root=location.root)
    refused = _refused(given, location)
    password = os.environ.get(PASSWORD_VARIABLE)
    if given.mqtt:
        url, own = needs.without_password(given.mqtt)
        given = replace(given, mqtt=url)
        password = own if own is not None else password
    secrets = needs.environment_line(PASSWORD_VARIABLE, password) if given.mqtt and password else ""
    bare = replace(given, webhook=shown_webhook(given.webhook)) if given.webhook else given
    arguments = ["classify", *given.arguments()]
    program = needs.program(given)
    cameras = [Path(one.camera) for one in given.cameras if not is_stream(one.camera)]
    read = (given.model, given.labels, given.mqtt_cert, given.mqtt_key)
    folders = needs.folders_written(given)
    return Job(
        description="edgetl: what the camera sees, classified",
        arguments=arguments,
        shown=[
            masked(word) if secrets_of(word) else word for word in ["classify", *bare.arguments()]
        ],
        private=bool(given.webhook) or any(map(secrets_of, arguments)),
        secrets=secrets,
        paths=[
            *named_paths(given),
            *([("--exec", program)] if program else []),
            *(("--camera", camera) for camera in cameras),
        ],
        reads=[path for path in read if path],
        writes=[*map(Path, folders), *([given.output] if given.output else [])],
        runs=[program] if program else [],
        devices=needs.devices(given),
        groups=needs.groups(given),
        folders=folders,
        network=needs.uses_network(given),
        results_to_journal=given.on_change and not given.output,
        keeps_key=given.preview is not None,
        refused=refused,
    )


def check_extras(options: ClassifyOptions) -> None:
    """Check that the packages are here which an option needs.

    Raises:
        MissingExtraError: one is not.
    """
    for extra, needed in (("mqtt", options.mqtt), ("preview", options.preview)):
        if needed:
            need_extra(extra, needs=f"--{extra}")
    if options.gpio:
        need_package("gpiozero", needs="--gpio")


def _refused(options: ClassifyOptions, location: UnitLocation) -> list[EdgetlError]:
    root, tried = location.root, Tried()
    tried(lambda: cameras_opener(options))
    model = tried(lambda: check_model(options, root))
    if options.preview is not None:
        tried(lambda: check_address(options.preview or "", location))
    if options.mqtt is not None:
        tried(lambda: broker(options))
    for folder in needs.folders_written(options):
        tried(lambda: _check_folder(folder, root))  # noqa: B023 - called here and now
    if model is not None:
        tried(lambda: check_labels(options, model.labels))
        tried(lambda: _check_output(options, model, root))
        tried(lambda: check_thresholds(options, model))
    tried(lambda: _check_program(options, root))
    tried(lambda: _check_groups(options, root))
    if location.running:
        tried(lambda: check_extras(options))
    return tried.refused


def _check_folder(folder: PurePosixPath, root: Path) -> None:
    # Where we may not look, Path.is_dir raises.
    if not os.path.isdir(inside(root, folder)):  # noqa: PTH112
        raise SettingError(
            f"{quoted(str(folder))}: no such folder; make it, for the service's user"
        )


def _check_output(options: ClassifyOptions, model: ModelFile, root: Path) -> None:
    if options.output is None:
        return
    path = inside(root, options.output)
    if path.is_dir():
        raise SettingError(f"{quoted(options.output)}: is a directory")
    if path.is_file() and os.access(path, os.R_OK):
        begins = output_begins(options, model.labels)
        with path.open("rb") as file:
            check_begins(file.read(len(begins.encode())), begins, name=quoted(options.output))


def _check_program(options: ClassifyOptions, root: Path) -> None:
    found = needs.program(options)
    if found is None:
        return
    path = inside(root, found)
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):  # noqa: PTH113
        raise SettingError(
            f"--exec {quoted(found)}: no program that may be run; give its path, and make it "
            f"executable"
        )


def _check_groups(options: ClassifyOptions, root: Path) -> None:
    if not options.gpio:
        return
    try:
        text = (root / "etc/group").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    if not any(line.startswith("gpio:") for line in text.splitlines()):
        raise SettingError(
            "--gpio: this system has no group gpio, as Raspberry Pi OS has, whose pins a service "
            "may use; make it, with a udev rule that gives it /dev/gpiochip*"
        )
