"""Reads `budgets.json`."""

from __future__ import annotations

from typing import NamedTuple

from lambdas.domain.budgets import Budget
from lambdas.domain.credits import CreditGrant
from lambdas.wiring.budget_settings import BudgetsFile
from lambdas.wiring.declared_files import read_file
from lambdas.wiring.declared_files import write_schema as write_file_schema

_FORM = "allowed: an object with managed_by and budgets; docs/budgets.md has an example"


class DeclaredBudgets(NamedTuple):
    """The budgets of a file.

    Attributes:
        managed_by: The manager that the file names.
        budgets: The budgets.
        grants: Credits, which only reports on log files read.
    """

    managed_by: str
    budgets: tuple[Budget, ...]
    grants: tuple[CreditGrant, ...] = ()


def read_budgets(text: str) -> DeclaredBudgets:
    """Read the text of a file.

    Raises:
        InvalidFileError: The file has faults.
    """
    declared = read_file(text, BudgetsFile, _FORM)
    grants = (grant.to_domain() for grant in declared.grants)
    return DeclaredBudgets(declared.managed_by, declared.to_domain(), tuple(grants))


def write_schema() -> str:
    """Write the JSON Schema of the file."""
    return write_file_schema(BudgetsFile)
