"""The tiny classifiers of the edge tests."""

from tests.edge.conftest import foreign_models, tiny_export

__all__ = ["foreign_models", "tiny_export"]
