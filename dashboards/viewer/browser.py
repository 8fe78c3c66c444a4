"""The Chromium that is on this machine."""

from __future__ import annotations

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",  # in containers there is none to be had; the page is our own
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    """The path of an installed browser; `None` if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
