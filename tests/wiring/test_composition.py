"""Wiring creates the objects of functions and contains no decisions."""

import ast
from pathlib import Path

import pytest

LAMBDAS = Path(__file__).parents[2] / "lambdas"
JOBS = sorted(path.parent.name for path in (LAMBDAS / "functions").glob("*/handler.py"))
DECISIONS = (ast.ClassDef, ast.If, ast.For, ast.While, ast.Try, ast.Match, ast.Raise)


@pytest.mark.parametrize("job", JOBS)
def test_a_composition_module_has_no_classes_branches_or_loops(job: str) -> None:
    tree = ast.parse((LAMBDAS / "wiring" / f"{job}.py").read_text())
    factories = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert all(name.startswith("make_") for name in factories)
    assert factories
    assert not [
        f"{type(node).__name__} in line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, DECISIONS) and not _is_for_type_checkers(node)
    ]


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
