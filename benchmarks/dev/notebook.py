"""The reference recipe as a published transfer-learning notebook writes it: training's baseline.

    python -m edgetl.benchmarks.dev.notebook DATA --seed 0 --out figures.json

Every epoch decodes every picture and computes the whole network again. What it says of accuracy is
comparable to a run of edgetl: the same data, weights, settings and choice of the best epoch. It
departs from such notebooks in two points, where they are wrong: BatchNormalization stays in
inference mode in phase two (`InferenceModeBackbone` in `trainer.network.model`), and no picture
is in the validation part in one epoch and in the test part in another.
"""

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl.benchmarks.dev.command_line import run_command
from edgetl.benchmarks.dev.suite_measure import Measured, measured_on_test
from edgetl.benchmarks.dev.training_plan import changed_recipe, check_layout, check_out
from edgetl.edge.errors import DataError, quoted
from edgetl.edge.system.files import write_json
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer.recipe import Recipe


@dataclass(frozen=True)
class Part:
    """`batches`, a tf.data.Dataset of (pictures, classes), and how many pictures it holds."""

    batches: Any
    pictures: int


@dataclass(frozen=True)
class Parts:
    """The data; `test` is None where validation/ has fewer than five batches."""

    train: Part
    validation: Part
    test: Part | None


def train_as_notebook(
    data: Path, labels: tuple[str, ...], recipe: Recipe, *, further: Path | None = None
) -> dict[str, Any]:
    """Train both phases and evaluate the epoch of the lowest validation loss.

    `data` is as `check_layout` requires, `labels` are its classes, sorted. As a notebook does,
    fine-tuning has RMSprop at one rate. `further` is a folder with a folder for each class, whose
    photos the model is measured on at the very end.

    Returns:
        "seconds" by stage and in all, the figures of "validation" and "test" ("test" may be None),
        "history", an entry an epoch, and "measured", the figures of `further`.

    Raises:
        DataError: TensorFlow cannot read a picture.
    """
    with hidden_native_log():
        import keras
        import tensorflow as tf

    began = time.perf_counter()
    seconds: dict[str, float] = {}

    def finish(stage: str) -> None:
        seconds[stage] = round(time.perf_counter() - began - sum(seconds.values()), 3)

    keras.utils.set_random_seed(recipe.seed)
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder, "best.weights.h5")
        keep_best = keras.callbacks.ModelCheckpoint(
            best, monitor="val_loss", save_best_only=True, save_weights_only=True
        )
        try:
            parts = load_parts(data, labels, recipe)
            model, backbone = build_notebook_model(recipe, len(labels))
            finish("load")

            phases = (
                ("head", keras.optimizers.Adam(recipe.head_lr), 0, recipe.head_epochs),
                ("fine_tune", keras.optimizers.RMSprop(recipe.fine_tune_lr), recipe.head_epochs,
                 recipe.epochs),
            )  # fmt: skip
            history: list[dict[str, Any]] = []
            for phase, optimizer, first, last in phases:
                if phase == "fine_tune":
                    # The backbone, frozen so far, is trained too, but for its lower layers.
                    backbone.trainable = True
                    for layer in backbone.layers[: recipe.fine_tune_from]:
                        layer.trainable = False
                _compile(model, optimizer)
                fitted = model.fit(
                    parts.train.batches, initial_epoch=first, epochs=last,
                    validation_data=parts.validation.batches, callbacks=[keep_best], verbose=2,
                )  # fmt: skip
                history += [
                    {"phase": phase, "epoch": epoch + 1}
                    | {name: float(values[i]) for name, values in fitted.history.items()}
                    for i, epoch in enumerate(fitted.epoch)
                ]
                finish(phase)

            model.load_weights(best)
            validation = _evaluated(model, parts.validation)
            test = _evaluated(model, parts.test) if parts.test else None
            measured = _measured(model, further, labels, recipe) if further else None
            finish("evaluate")
        except tf.errors.InvalidArgumentError as error:
            raise DataError(
                f"{quoted(data)}: TensorFlow cannot read a picture there "
                f"({quoted(str(error.message).splitlines()[0])}); edgetl would exclude it, "
                f"the notebook needs it gone"
            ) from error
    seconds["total"] = round(time.perf_counter() - began, 3)
    return {
        "seconds": seconds,
        "validation": validation,
        "test": test,
        "history": history,
        "measured": measured and asdict(measured),
    }


def _compile(model: Any, optimizer: Any) -> None:
    import keras

    if model.output_shape[-1] == 1:
        loss: Any = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy: Any = keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(optimizer=optimizer, loss=loss, metrics=[accuracy])


def load_parts(data: Path, labels: tuple[str, ...], recipe: Recipe) -> Parts:
    """Datasets that decode as they go, and again in every epoch.

    A fifth of validation/'s batches are the test part. Notebooks take them off a dataset that is
    shuffled again in each pass, so that other pictures are in them each time; here Keras shuffles
    the files once, by the seed, and splits the list.

    Raises:
        DataError: there are no pictures in a format that TensorFlow reads.
    """
    import tensorflow as tf

    whole = _from_directory(data / "validation", labels, recipe)
    tested = int(whole.cardinality()) // 5 * recipe.batch_size
    if tested:
        # The half keeps Keras, which rounds the share of the pictures down, off the picture before.
        share = (tested + 0.5) / len(whole.file_paths)
        validation, test = _from_directory(
            data / "validation", labels, recipe, validation_split=share, subset="both"
        )
    else:
        validation, test = whole, None
    train = _from_directory(data / "train", labels, recipe)

    def part(dataset: Any) -> Part:
        return Part(dataset.prefetch(tf.data.AUTOTUNE), len(dataset.file_paths))

    return Parts(part(train), part(validation), part(test) if test is not None else None)


def build_notebook_model(recipe: Recipe, classes: int) -> tuple[Any, Any]:
    """The model, from pictures to logits, and the frozen backbone inside it."""
    import keras

    from edgetl.trainer.network.model import BUNDLED_WEIGHTS, InferenceModeBackbone, logits

    shape = (recipe.height, recipe.width, 3)
    augmentation = keras.Sequential(
        [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(recipe.rotation)]
    )
    backbone = keras.applications.MobileNetV2(
        input_shape=shape, include_top=False, weights=str(BUNDLED_WEIGHTS)
    )
    backbone.trainable = False
    inputs = keras.Input(shape)
    x = augmentation(inputs)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = InferenceModeBackbone(backbone)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(recipe.dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(logits(classes))(x)), backbone


def _from_directory(folder: Path, labels: tuple[str, ...], recipe: Recipe, **options: Any) -> Any:
    import keras

    try:
        return keras.utils.image_dataset_from_directory(
            folder,
            class_names=list(labels),
            image_size=(recipe.height, recipe.width),
            batch_size=recipe.batch_size,
            seed=recipe.seed,
            **{"shuffle": True, **options},
        )
    except ValueError as error:
        raise DataError(f"{quoted(folder)}: {quoted(str(error))}") from error


def _evaluated(model: Any, part: Part) -> dict[str, Any]:
    figures = model.evaluate(part.batches, return_dict=True, verbose=0)
    figures = {name: float(figures[name]) for name in ("accuracy", "loss")}
    return {**figures, "pictures": part.pictures}


def _measured(model: Any, folder: Path, labels: tuple[str, ...], recipe: Recipe) -> Measured:
    import numpy as np

    from edgetl.trainer.network.model import logits_to_probabilities

    pictures = _from_directory(folder, labels, recipe, shuffle=False)
    paths = [Path(path) for path in pictures.file_paths]
    probabilities = logits_to_probabilities(model.predict(pictures, verbose=0))
    targets = np.array([labels.index(path.parent.name) for path in paths])
    return measured_on_test(folder, paths, probabilities, targets)


def command(
    data: Annotated[Path, typer.Argument(help="A folder with train/ and validation/.")],
    out: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")],
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    image_size: Annotated[int | None, typer.Option(help="[default: 160]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="[default: 32]")] = None,
    head_epochs: Annotated[int | None, typer.Option(help="[default: 10]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Of both phases.  [default: 20]")] = None,
    measure: Annotated[
        Path | None,
        typer.Option(help="A folder with a folder for each class, measured after training."),
    ] = None,
) -> None:
    """Train as a published notebook would, and write how long it took and what it reached."""
    recipe = changed_recipe(
        "reference", seed=seed, image_size=image_size, batch_size=batch_size,
        head_epochs=head_epochs, epochs=epochs,
    )  # fmt: skip
    dataset = check_layout(data)
    check_out(out)
    write_json(out, train_as_notebook(data, dataset.labels, recipe, further=measure))


if __name__ == "__main__":
    run_command(command)
