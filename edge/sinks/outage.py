"""A sink that takes no results for a while: both its failure and its return are logged, once."""

from edgetl.edge.errors import SinkError, plural
from edgetl.edge.system.messages import logger


class Outage:
    """Whether a sink fails at present, and what that has lost.

    Attributes:
        lost: results lost since it fails; 0 while it works.
    """

    def __init__(self, name: str) -> None:
        """`name` is what the sink is called in messages."""
        self.lost = 0
        self._name = name

    def failed(self, error: SinkError) -> None:
        """One result is lost. The first is logged, with the reason."""
        if not self.lost:
            logger.warning(f"{error}; results are lost until it works again")
        self.lost += 1

    def over(self) -> None:
        """A result was taken. The first after a failure is logged, with what was lost."""
        if self.lost:
            logger.warning(f"{self._name}: works again; {plural(self.lost, 'result')} lost")
        self.lost = 0

    def close(self) -> None:
        """The end of the run.

        Raises:
            SinkError: it still fails.
        """
        if self.lost:
            raise SinkError(f"{self._name}: the last {plural(self.lost, 'result')} lost")
