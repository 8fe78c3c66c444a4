"""Two hundred seeds: whatever the faults, every projection equals the truth in the end."""

import os
import subprocess
import sys

import pytest

from tests.simulation.__main__ import main
from tests.simulation.faults import Fault, choose_faults
from tests.simulation.report import write_failures, write_table
from tests.simulation.simulation import run

_SEEDS, _CHUNK = 200, 20
_PRINT = "from tests.simulation.simulation import run; print(run({seed}).fingerprint)"


@pytest.mark.parametrize("first", range(0, _SEEDS, _CHUNK))
def test_every_projection_equals_the_truth_after_faults(first: int) -> None:
    outcomes = [run(seed) for seed in range(first, first + _CHUNK)]
    failures = "\n".join(write_failures(outcomes))
    assert not failures, failures
    assert sum(outcome.lost for outcome in outcomes) == 0


def test_a_seed_that_is_no_number_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--seed", "abc"])
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "chaos: argument --seed: 'abc' is not a whole number of 0 or more."
        " With make: make chaos [SEEDS=2000 | SEED=17]\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--seeds", "0"], "argument --seeds: '0' is not a whole number of 1 or more"),
        (["--seeds", "5", "--seed", "17"], "argument --seed: not allowed with argument --seeds"),
    ],
)
def test_a_table_without_runs_and_a_number_without_effect_are_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"chaos: {reason}.")


def test_one_seed_is_reported_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    struck = run(17).struck
    assert main(["--seed", "17"]) == 0
    _, strikes, result = capsys.readouterr().out.splitlines()
    assert strikes.startswith(f"strikes: age_limit {struck[Fault.AGE_LIMIT]}, ")
    assert result == "1 run, 0 failed"


def test_a_seed_gives_the_same_run_again() -> None:
    assert run(5).fingerprint == run(5).fingerprint
    assert run(5).fingerprint != run(8).fingerprint


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    """Sets of texts have another order in each process, unless the seed of their hashes is set."""
    fingerprints = {
        subprocess.run(
            [sys.executable, "-c", _PRINT.format(seed=4)],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(fingerprints) == 1


def test_two_hundred_seeds_have_every_fault_alone_and_among_others() -> None:
    chosen = [choose_faults(seed) for seed in range(_SEEDS)]
    for fault in Fault:
        assert {fault} in chosen
        assert any(fault in faults and len(faults) > 1 for faults in chosen)


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_strikes_where_it_is_on_and_nowhere_else(fault: Fault) -> None:
    struck = run(7, frozenset({fault})).struck
    for seed in range(8, 12):
        if fault not in struck:
            struck = run(seed, frozenset({fault})).struck
    assert struck.keys() == {fault}


def test_the_table_has_a_line_for_each_fault() -> None:
    faults = frozenset({Fault.POISON})
    head, *lines = write_table([run(1, faults)]).splitlines()
    assert head.split()[:4] == ["fault", "runs", "alone", "strikes"]
    assert [line.split()[0] for line in lines] == list(Fault)
    assert [line.split()[1] for line in lines if line.startswith("poison")] == ["1"]
