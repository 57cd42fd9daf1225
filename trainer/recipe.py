"""The settings of a training, and the recipes that have a name."""

from dataclasses import dataclass
from typing import Literal, get_args

from edgetl.edge.errors import SettingError
from edgetl.edge.model.input_size import InputSize, ResizeMode

Optimizer = Literal["adam", "rmsprop"]
Schedule = Literal["constant", "cosine"]
ClassWeights = Literal["auto", "none"]
Strategy = Literal["one", "mirrored"]
Precision = Literal["auto", "float32", "mixed"]


@dataclass(frozen=True)
class Recipe:
    """Two-phase transfer learning with MobileNetV2.

    Phase one trains a new head on the frozen backbone with Adam; phase two fine-tunes the backbone
    from layer `fine_tune_from` on. The defaults are the recipe that docs/recipes.md arrives at.

    Attributes:
        height, width: the model's input in pixels, 32 or more.
        fit: how a photo of another shape becomes that size.
        batch_size: pictures a step.
        head_epochs: epochs of phase one at most, 0 or more.
        epochs: epochs of both phases together at most.
        head_lr: the learning rate of phase one.
        fine_tune_lr: the learning rate of phase two, at its beginning.
        fine_tune_optimizer: "adam" or "rmsprop".
        fine_tune_schedule: "constant", or "cosine" down to nothing over phase two (Loshchilov and
            Hutter, ICLR 2017, https://arxiv.org/abs/1608.03983, without restarts).
        fine_tune_from: the first of the backbone's 154 layers that phase two trains.
        patience: a phase ends after so many epochs without a lower validation loss; 0 never.
        flip: mirror training pictures left to right at random.
        rotation: turn training pictures at random by up to this share of a full turn, either way.
        zoom: show at random a part of training pictures, smaller by up to this share each way.
        translation: shift training pictures at random by up to this share of their size.
        dropout: the share of features dropped before the last layer in training.
        label_smoothing: the share of every training target that is spread over all classes
            (Szegedy et al., CVPR 2016, https://arxiv.org/abs/1512.00567).
        class_weights: "auto" gives the classes equal weight in the loss however many pictures they
            have, "none" gives it to the pictures.
        reuse: compute what frozen layers give once (`trainer.features`) instead of every epoch.
        views: augmented views of every picture that are kept and used in turn, with `reuse`.
        head_views: how many of them phase one takes where phase two follows; 0 means as few as make
            2000 pictures.
        disk_budget: gigabytes that they may take on the disk while training.
        seed: of the split, the head's first weights, the order of pictures and the augmentation.
        weights: where the backbone starts: "bundled" (ImageNet weights that come with edgetl),
            "imagenet" (Keras downloads its own for this size), "none" (noise), or a file's path.
        strategy: "mirrored" trains on all GPUs at once (tf.distribute.MirroredStrategy).
        precision: "mixed" computes in float16 where that is safe (Micikevicius et al., ICLR 2018,
            https://arxiv.org/abs/1710.03740); "auto" does so on a GPU that is faster at it, and on
            a processor that is faster at bfloat16 multiplies so in phase two, with `reuse`.

    Raises:
        SettingError: a value is out of range; the message names it.
    """

    height: int = 160
    width: int = 160
    fit: ResizeMode = "crop"
    batch_size: int = 32
    head_epochs: int = 8
    epochs: int = 14
    head_lr: float = 1e-3
    fine_tune_lr: float = 5e-5
    fine_tune_optimizer: Optimizer = "adam"
    fine_tune_schedule: Schedule = "cosine"
    fine_tune_from: int = 100
    patience: int = 0
    flip: bool = True
    rotation: float = 0.05
    zoom: float = 0.3
    translation: float = 0.1
    dropout: float = 0.2
    label_smoothing: float = 0.05
    class_weights: ClassWeights = "auto"
    reuse: bool = True
    views: int = 4
    head_views: int = 0
    disk_budget: float = 20.0
    seed: int = 0
    weights: str = "bundled"
    strategy: Strategy = "one"
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for name, low, high in (
            ("height", 32, 4096),
            ("width", 32, 4096),
            ("batch_size", 1, 65536),
            ("head_epochs", 0, 100_000),
            ("epochs", 1, 100_000),
            ("fine_tune_from", 0, 153),
            ("patience", 0, 100_000),
            ("rotation", 0.0, 1.0),
            ("zoom", 0.0, 0.9),
            ("translation", 0.0, 0.9),
            ("dropout", 0.0, 0.99),
            ("label_smoothing", 0.0, 0.99),
            ("views", 1, 1000),
            ("head_views", 0, 1000),
            ("disk_budget", 0.0, 1e6),
            ("seed", 0, 2**31 - 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not low <= value <= high:
                raise SettingError(f"{name} {value} is not between {low} and {high}")
        for name in ("head_lr", "fine_tune_lr"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < 100:
                raise SettingError(f"{name} {value} is not above 0 and below 100")
        for name, choices in (
            ("fit", ResizeMode),
            ("fine_tune_optimizer", Optimizer),
            ("fine_tune_schedule", Schedule),
            ("class_weights", ClassWeights),
            ("strategy", Strategy),
            ("precision", Precision),
        ):
            if getattr(self, name) not in get_args(choices):
                allowed = ", ".join(get_args(choices))
                raise SettingError(f"{name} {getattr(self, name)!r} is not one of {allowed}")
        if self.head_epochs > self.epochs:
            raise SettingError(
                f"head_epochs {self.head_epochs} is more than the {self.epochs} epochs in all"
            )

    @property
    def augments(self) -> bool:
        """Whether training pictures are changed at random at all."""
        return bool(self.flip or self.rotation or self.zoom or self.translation)

    @property
    def input_size(self) -> InputSize:
        """The model's input size and fit, as the one preprocessing path takes it."""
        return InputSize(self.height, self.width, self.fit)


RECIPES = {
    "default": Recipe(),
    # The cats-vs-dogs lab, exactly.
    "reference": Recipe(
        fit="stretch",
        head_epochs=10,
        epochs=20,
        head_lr=1e-4,
        fine_tune_lr=1e-5,
        fine_tune_optimizer="rmsprop",
        fine_tune_schedule="constant",
        rotation=0.2,
        zoom=0.0,
        translation=0.0,
        label_smoothing=0.0,
        class_weights="none",
        head_views=1000,
        precision="float32",
    ),
}
