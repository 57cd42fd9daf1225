"""The settings of a training. The defaults are the reference recipe: the cats-vs-dogs lab."""

from dataclasses import dataclass

from edge.errors import SettingError
from edge.preprocessing import Fit, InputGeometry


@dataclass(frozen=True)
class Recipe:
    """Two-phase transfer learning with MobileNetV2.

    Phase one trains a new head on the frozen backbone with Adam; phase two fine-tunes the backbone
    from layer `fine_tune_from` on with RMSprop.

    Attributes:
        height, width: the model's input in pixels, 32 or more.
        fit: how a photo of another shape becomes that size.
        batch_size: pictures a step.
        head_epochs: epochs of phase one, 0 or more.
        epochs: epochs of both phases together.
        head_learning_rate, fine_tune_learning_rate: of Adam and of RMSprop.
        fine_tune_from: the first of the backbone's 154 layers that phase two trains.
        flip: mirror training pictures left to right at random.
        rotation: turn training pictures at random by up to this share of a full turn, either way.
        dropout: the share of features dropped before the last layer in training.
        seed: of the split, the head's first weights, the order of pictures and the augmentation.
        weights: where the backbone starts: "bundled" (ImageNet weights that come with edgetl),
            "imagenet" (Keras downloads its own for this size), "none" (noise), or a file's path.

    Raises:
        SettingError: a value is out of range; the message names it.
    """

    height: int = 160
    width: int = 160
    fit: Fit = "stretch"
    batch_size: int = 32
    head_epochs: int = 10
    epochs: int = 20
    head_learning_rate: float = 1e-4
    fine_tune_learning_rate: float = 1e-5
    fine_tune_from: int = 100
    flip: bool = True
    rotation: float = 0.2
    dropout: float = 0.2
    seed: int = 0
    weights: str = "bundled"

    def __post_init__(self) -> None:
        for name, low, high in (
            ("height", 32, 4096),
            ("width", 32, 4096),
            ("batch_size", 1, 65536),
            ("head_epochs", 0, 100_000),
            ("epochs", 1, 100_000),
            ("fine_tune_from", 0, 153),
            ("rotation", 0.0, 1.0),
            ("dropout", 0.0, 0.99),
            ("seed", 0, 2**31 - 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingError(f"{name} {value} is not between {low} and {high}")
        for name in ("head_learning_rate", "fine_tune_learning_rate"):
            if not 0 < getattr(self, name) < 100:
                raise SettingError(f"{name} {getattr(self, name)} is not above 0 and below 100")
        if self.head_epochs > self.epochs:
            raise SettingError(
                f"head_epochs {self.head_epochs} is more than the {self.epochs} epochs in all"
            )

    @property
    def geometry(self) -> InputGeometry:
        """The model's input size and fit, as the one preprocessing path takes it."""
        return InputGeometry(self.height, self.width, self.fit)
