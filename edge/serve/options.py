"""The options of `edgetl serve`. Importing them loads neither NumPy nor OpenCV."""

from dataclasses import dataclass
from typing import Annotated

from edgetl.edge.model.options import (
    LabelsOption,
    ModelOption,
    NormalizeOption,
    RuntimeOption,
    ThreadsOption,
    ThresholdOption,
    TopKOption,
    UnknownAtOption,
)
from edgetl.edge.options import Options
from edgetl.edge.preview.options import (
    LOCAL,
    PreviewHostOption,
    PreviewPrefixOption,
    page_option,
)


@dataclass(frozen=True)
class ServeOptions(Options):
    """Which model answers, and where it is asked.

    Raises:
        SettingError: a value is not allowed.
    """

    model: ModelOption = None
    labels: LabelsOption = None
    normalize: NormalizeOption = None
    threads: ThreadsOption = None
    runtime: RuntimeOption = "auto"
    preview: Annotated[str | None, page_option("Address of the page, and of /classify.")] = None
    preview_host: PreviewHostOption = ()
    preview_prefix: PreviewPrefixOption = None
    top_k: TopKOption = 3
    threshold: ThresholdOption = 0.0
    unknown_at: UnknownAtOption = None

    @property
    def address(self) -> str:
        """HOST:PORT of the page."""
        return self.preview or LOCAL
