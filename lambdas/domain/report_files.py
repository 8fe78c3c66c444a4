"""Where reports go."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class ReportFiles(Protocol):
    """Keeps files by name; what was kept by the same name before is gone."""

    def keep(self, file: Path, name: str) -> None:
        """Keep a file, wholly or not at all.

        Args:
            file: What to keep.
            name: Its name, with folders.
        """
