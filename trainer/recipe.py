"""The settings of a training, and the recipes that have a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from edgetl.edge.errors import SettingError
from edgetl.edge.model.input_size import InputSize, ResizeMode
from edgetl.edge.options import Option, Options

# The widths that Keras has ImageNet weights of.
ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
_SHOWN_ALPHAS = ", ".join(map(str, ALPHAS[:-1])) + f" or {ALPHAS[-1]}"

# Shares of a class that are held out where DATA holds no such folder.
VALIDATION_SHARE = 0.2
TEST_SHARE = 0.1
# From so many photos on, holding some back costs the model little.
HOLD_OUT_FROM = 5000
# A head that is fine-tuned afterwards gains nothing from more augmented copies than make so many
# pictures; with 40 photos it does gain from all four (docs/recipes.md).
ENOUGH_FOR_A_HEAD = 2000

_Training = partial(Option, group="Training")
_FineTuning = partial(Option, group="Fine-tuning", common=False)
_Augmentation = partial(Option, group="Augmentation", common=False)
_Regularization = partial(Option, group="Regularization", common=False)
_Speed = partial(Option, group="Speed and memory", common=False)


@dataclass(frozen=True)
class Recipe(Options):
    """Two-phase transfer learning with MobileNetV2.

    Phase one trains a new head on the frozen backbone; phase two fine-tunes the backbone from layer
    `fine_tune_from` on. The defaults are the recipe that docs/recipes.md arrives at.
    Cosine decay is that of Loshchilov and Hutter (ICLR 2017, https://arxiv.org/abs/1608.03983)
    without restarts; label smoothing that of Szegedy et al. (CVPR 2016,
    https://arxiv.org/abs/1512.00567); mixed precision that of Micikevicius et al. (ICLR 2018,
    https://arxiv.org/abs/1710.03740).

    Raises:
        SettingError: a value is out of range; the message names it.
    """

    height: Annotated[
        int, Option("Height of the input, in pixels.", low=32, high=4096, typed=False)
    ] = 224
    width: Annotated[
        int, Option("Width of the input, in pixels.", low=32, high=4096, typed=False)
    ] = 224
    alpha: Annotated[
        float,
        _Training(
            f"Width of MobileNetV2: {_SHOWN_ALPHAS} times the channels.",
            reason="the only one bundled; others need --weights",
            low=ALPHAS[0],
            high=ALPHAS[-1],
            common=False,
        ),
    ] = 1.0
    fit: Annotated[
        ResizeMode,
        _Training("How a photo becomes the input.", reason="keeps shapes true", common=False),
    ] = "crop"
    head_solver: Annotated[
        Literal["lbfgs", "adam"],
        _Training(
            "How phase one trains the head: solved by lbfgs, or --head-epochs of adam.",
            reason="it has one solution; --head-epochs and --head-lr choose adam",
            common=False,
        ),
    ] = "lbfgs"
    head_epochs: Annotated[
        int,
        _Training(
            "Epochs of phase one, by adam.",
            reason="no gain after",
            low=0,
            high=100_000,
            common=False,
        ),
    ] = 8
    epochs: Annotated[
        int,
        _Training(
            "Epochs in all; 0 for as many as make --steps in phase two.",
            reason="few photos need more epochs",
            low=0,
            high=100_000,
        ),
    ] = 0
    steps: Annotated[
        int,
        _FineTuning(
            "Steps of phase two; 0 for as many as the number of photos asks for.",
            reason="few photos need more epochs, and many fewer",
            low=0,
            high=10_000_000,
        ),
    ] = 0
    least_steps: Annotated[
        int,
        _FineTuning(
            "Steps an epoch of phase two has at least: few photos are passed several times.",
            reason="an epoch's end takes as long as a few steps",
            low=1,
            high=10_000,
        ),
    ] = 10
    batch_size: Annotated[
        int, _Training("Pictures a step.", reason="more steps in the same time", low=1, high=65536)
    ] = 16
    seed: Annotated[
        int,
        _Training("Seed of everything random.", reason="same run each time", low=0, high=2**31 - 1),
    ] = 0
    hold_out: Annotated[
        bool,
        _Training(
            f"Hold out {VALIDATION_SHARE:.0%} to validate and {TEST_SHARE:.0%} to test, where DATA "
            f"has no such folders.",
            reason=f"below {HOLD_OUT_FROM} photos the model learns from all, and is measured by "
            f"--folds",
            common=False,
        ),
    ] = False
    folds: Annotated[
        int,
        _Training(
            "Parts of the photos for cross-validation: each is predicted by a model of the others.",
            reason="each learns from four fifths",
            low=2,
            high=100,
            common=False,
        ),
    ] = 5
    head_lr: Annotated[
        float,
        _Training(
            "Learning rate of phase one.",
            reason="ten times the tutorial's, as stable",
            above=0,
            below=100,
            common=False,
        ),
    ] = 1e-3
    fine_tune_lr: Annotated[
        float,
        _FineTuning(
            "Learning rate of phase two, at first.",
            reason="at 3e-4 it unlearns ImageNet",
            above=0,
            below=100,
        ),
    ] = 1e-4
    fine_tune_optimizer: Annotated[
        Literal["adam", "rmsprop"],
        _FineTuning("Optimizer of phase two.", reason="it gains more in few epochs"),
    ] = "adam"
    fine_tune_schedule: Annotated[
        Literal["constant", "cosine"],
        _FineTuning("Learning rate over phase two.", reason="the last epochs settle"),
    ] = "cosine"
    fine_tune_from: Annotated[
        int,
        _FineTuning(
            "First of the backbone's layers to train.",
            reason="half the work, the tutorial's",
            low=0,
            high=153,
        ),
    ] = 100
    patience: Annotated[
        int,
        _FineTuning(
            "Epochs without a lower validation loss that end a phase, with --hold-out; 0: never.",
            reason="cosine decay needs all its epochs",
            low=0,
            high=100_000,
        ),
    ] = 0
    flip: Annotated[
        bool, _Augmentation("Mirror left to right.", reason="most things look alike mirrored")
    ] = True
    rotation: Annotated[
        float,
        _Augmentation(
            "Rotate by up to this share of a full turn.",
            reason="as people hold a camera",
            low=0,
            high=1,
        ),
    ] = 0.05
    zoom: Annotated[
        float,
        _Augmentation(
            "Zoom in by up to this share.", reason="things are near or far", low=0, high=0.9
        ),
    ] = 0.3
    translation: Annotated[
        float,
        _Augmentation(
            "Shift by up to this share.", reason="things are seldom centred", low=0, high=0.9
        ),
    ] = 0.1
    dropout: Annotated[
        float,
        _Regularization(
            "Share of features dropped before the head.",
            reason="the tutorial's",
            low=0,
            high=0.99,
        ),
    ] = 0.2
    label_smoothing: Annotated[
        float,
        _Regularization(
            "Share of a target that is spread over all classes.",
            reason="the temperature makes probabilities right",
            low=0,
            high=0.99,
        ),
    ] = 0.0
    class_weights: Annotated[
        Literal["auto", "none"],
        _Regularization(
            "Weight of the classes in the loss.",
            reason="a rare class counts as much as a common one",
        ),
    ] = "auto"
    average: Annotated[
        bool,
        _Regularization(
            "Average the weights of both phases, in the share that held-out photos ask for.",
            reason="where photos are few, fine-tuning may go too far",
        ),
    ] = True
    calibrate: Annotated[
        bool,
        _Regularization(
            "Divide logits by a temperature that held-out photos ask for.",
            reason="of photos called a class at 0.9, nine in ten are",
        ),
    ] = True
    unknown: Annotated[
        Literal["on", "off"],
        _Training(
            'Learn from the classes when a picture is like none of them, and is "unknown".',
            reason="off calls everything one of the classes",
            common=False,
        ),
    ] = "on"
    reuse: Annotated[bool, _Speed("Compute frozen layers once.", reason="several times faster")] = (
        True
    )
    views: Annotated[
        int,
        _Speed("Augmented copies kept of a picture.", reason="more gain nothing", low=1, high=1000),
    ] = 4
    head_views: Annotated[
        int,
        _Speed(
            f"Augmented copies that phase one takes; 0 for as few as make {ENOUGH_FOR_A_HEAD} "
            f"pictures.",
            reason="more gain nothing before fine-tuning",
            low=0,
            high=1000,
        ),
    ] = 0
    disk_budget: Annotated[
        float,
        _Speed(
            "Gigabytes of disk for cached features while training.",
            reason="200,000 pictures",
            low=0,
            high=1e6,
        ),
    ] = 20.0
    weights: Annotated[
        str,
        Option(
            "Where the backbone starts: bundled, imagenet (downloaded), none or a file.",
            reason="needs no network",
            metavar="WHICH",
            group="Training",
            common=False,
        ),
    ] = "bundled"
    on_conflict: Annotated[
        Literal["exclude", "error"],
        _Training(
            "A picture that is in two classes is excluded and named, or an error.",
            reason="the others train all the same",
            common=False,
        ),
    ] = "exclude"
    strategy: Annotated[
        Literal["one", "mirrored"],
        _Speed("mirrored trains on all GPUs.", reason="most machines have one or none"),
    ] = "one"
    precision: Annotated[
        Literal["auto", "float32", "mixed"],
        _Speed("Numbers to compute in.", reason="16 bits where GPU or processor are faster at it"),
    ] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha not in ALPHAS:
            raise SettingError(f"--alpha {self.alpha:g} is not one of {_SHOWN_ALPHAS}")
        if self.alpha != 1 and self.weights == "bundled":
            raise SettingError(
                f"--alpha {self.alpha:g}: only the weights of 1 are bundled; add --weights "
                f"imagenet, which downloads them, or --weights FILE"
            )
        if self.head_solver == "adam" and 0 < self.epochs < self.head_epochs:
            raise SettingError(
                f"--head-epochs {self.head_epochs} is more than the {self.epochs} epochs in all"
            )

    @property
    def averages(self) -> bool:
        """Whether the weights of both phases are averaged: only a head that is solved is an end."""
        return self.average and self.head_solver == "lbfgs"

    @property
    def holds_out(self) -> bool:
        """Whether photos are held out of a small data set: patience goes by a loss on such."""
        return self.hold_out or self.patience > 0

    @property
    def knows_unknown(self) -> bool:
        """Whether the model tells what is like none of its classes."""
        return self.unknown == "on"

    @property
    def augments(self) -> bool:
        """Whether training pictures are changed at random at all."""
        return bool(self.flip or self.rotation or self.zoom or self.translation)

    def copies_for_head(self, trained: int) -> int:
        """How many augmented copies of `trained` pictures phase one takes at most."""
        return self.head_views or -(-ENOUGH_FOR_A_HEAD // max(1, trained))

    @property
    def input_size(self) -> InputSize:
        """The model's input size and resize mode, as the one preprocessing path takes it."""
        return InputSize(self.height, self.width, self.fit)


RECIPES = {
    "default": Recipe(),
    # The TensorFlow transfer-learning tutorial's, exactly.
    "reference": Recipe(
        height=160,
        width=160,
        fit="stretch",
        batch_size=32,
        hold_out=True,
        head_solver="adam",
        head_epochs=10,
        epochs=20,
        least_steps=1,
        head_lr=1e-4,
        fine_tune_lr=1e-5,
        fine_tune_optimizer="rmsprop",
        fine_tune_schedule="constant",
        rotation=0.2,
        zoom=0.0,
        translation=0.0,
        class_weights="none",
        average=False,
        calibrate=False,
        unknown="off",
        head_views=1000,
        precision="float32",
    ),
}

# What an edgetl did that wrote config.json without these settings.
_OLDER = {
    "head_solver": "adam",
    "hold_out": True,
    "least_steps": 1,
    "average": False,
    "calibrate": False,
    "unknown": "off",
}


def upgraded(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe in a config.json of any edgetl, with the settings of this one."""
    unknown = recipe.get("unknown", "off")
    if "head_solver" in recipe:
        return {**recipe, "unknown": unknown}
    return {**recipe, **_OLDER, "folds": Recipe.folds}
