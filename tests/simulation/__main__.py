"""Runs many seeds, prints a table, and names the seeds that failed: `make chaos SEEDS=2000`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.report import write_failures, write_table
from tests.simulation.simulation import Outcome, run

_CHUNK = 20


def main() -> int:
    """Run the seeds that the command line names; fails if one of them does."""
    parser = ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run, from 0")
    parser.add_argument("--seed", type=int, help="one seed to run again")
    options = parser.parse_args()
    if options.seed is not None:
        outcomes = [run(options.seed)]
        print(f"faults: {', '.join(sorted(outcomes[0].faults)) or 'none'}")
        print(f"strikes: {dict(sorted(outcomes[0].struck.items()))}")
    else:
        with ProcessPoolExecutor() as pool:
            outcomes = list(pool.map(_run, range(options.seeds), chunksize=_CHUNK))
        print(write_table(outcomes))
    for line in write_failures(outcomes):
        print(line)
    failed = sum(bool(outcome.violations) for outcome in outcomes)
    print(f"{len(outcomes)} runs, {failed} failed")
    return int(failed > 0)


def _run(seed: int) -> Outcome:
    return run(seed)


if __name__ == "__main__":
    sys.exit(main())
