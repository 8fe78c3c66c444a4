"""Runs many seeds, prints a table, and names the seeds that failed: `make chaos SEEDS=2000`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NoReturn

from lambdas.domain.words import plural
from tests.simulation.report import write_failures, write_strikes, write_table
from tests.simulation.simulation import Outcome, run

_CHUNK = 20


class _Parser(ArgumentParser):
    """Explains wrong arguments in one line, as the commands of the project do."""

    def error(self, message: str) -> NoReturn:
        """Exit with the reason and the variables of the make target."""
        self.exit(2, f"chaos: {message}. With make: make chaos [SEEDS=2000 | SEED=17]\n")


def _read_number(text: str) -> int:
    if not text.isdecimal():
        message = f"{text!r} is not a whole number of 0 or more"
        raise ArgumentTypeError(message)
    return int(text)


def _read_count(text: str) -> int:
    if text.isdecimal() and int(text):
        return int(text)
    message = f"{text!r} is not a whole number of 1 or more"
    raise ArgumentTypeError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds that the command line names; fails if one of them does."""
    parser = _Parser(prog="make chaos", description=__doc__)
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument("--seeds", type=_read_count, default=200, help="how many seeds to run")
    seeds.add_argument("--seed", type=_read_number, help="one seed to run again")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        outcomes = [run(options.seed)]
        print(f"faults: {', '.join(sorted(outcomes[0].faults)) or 'none'}")
        print(f"strikes: {write_strikes(outcomes[0])}")
    else:
        with ProcessPoolExecutor() as pool:
            outcomes = list(pool.map(_run, range(options.seeds), chunksize=_CHUNK))
        print(write_table(outcomes))
    for line in write_failures(outcomes):
        print(line)
    failed = sum(bool(outcome.violations) for outcome in outcomes)
    print(f"{plural(len(outcomes), 'run')}, {failed} failed")
    return int(failed > 0)


def _run(seed: int) -> Outcome:
    return run(seed)


if __name__ == "__main__":
    sys.exit(main())
