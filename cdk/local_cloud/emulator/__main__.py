"""Starts MiniStack with the additions: `python -m cdk.local_cloud.emulator`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib import import_module
from importlib.metadata import version
from pkgutil import iter_modules

from cdk.local_cloud import emulator


def _end_with_parent() -> None:
    """Wait for the end of standard input, then end this process and all that it has started."""
    sys.stdin.read()
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Start with every addition of this package, unless it is another version of MiniStack."""
    found = version("ministack")
    if found != emulator.MINISTACK_VERSION:
        sys.exit(
            f"The local cloud needs MiniStack {emulator.MINISTACK_VERSION}, and this is {found}:"
            " run make clean and try again."
        )
    from ministack import app  # noqa: PLC0415  # not before it is known to be the right one

    additions = [
        import_module(f"{emulator.__name__}.{module.name}")
        for module in iter_modules(emulator.__path__)
        if module.name != "__main__"
    ]
    for addition in additions:
        addition.install()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app.main()


if __name__ == "__main__":
    main()
