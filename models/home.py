"""Home: the one folder that everything written lives in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Where downloads, trained models, locks and the default database lie. Nothing is created by naming it."""

    path: Path

    @classmethod
    def of_bundles(cls, bundles: Path) -> Home:
        """The home whose bundles lie in that folder."""
        return cls(bundles.parent)

    @property
    def bundles(self) -> Path:
        """Folder of the trained models' bundles."""
        return self.path / "bundles"

    @property
    def downloads(self) -> Path:
        """Folder of public tables that were fetched."""
        return self.path / "downloads"

    @property
    def test_sets(self) -> Path:
        """Folder of the models' common test sets, see `models.training.common_test`."""
        return self.path / "test_sets"

    @property
    def sentences(self) -> Path:
        """Folder of the sentence encoders that models read, each in a folder named by its digest."""
        return self.path / "sentences"

    @property
    def locks(self) -> Path:
        """Folder of the training jobs' locks."""
        return self.path / "locks"

    @property
    def database_url(self) -> str:
        """The registry's default database."""
        return f"sqlite:///{self.path / 'backscore.db'}"
