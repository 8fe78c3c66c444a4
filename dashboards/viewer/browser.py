"""The Chromium that is on this machine."""

from __future__ import annotations

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",  # containers have no sandbox; the page is our own
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    """Find the path of an installed browser; `None` without one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
