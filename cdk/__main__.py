"""Synthesizes, and ends without a traceback on Ctrl-C, imports of several seconds included."""

from __future__ import annotations

import signal


def main() -> None:
    """Synthesize, as the CDK's command line asks for."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cdk.app import main as synthesize  # noqa: PLC0415  # takes seconds, interrupted or not

    synthesize()


if __name__ == "__main__":
    main()
