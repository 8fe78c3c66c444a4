"""How labels are named in tags and metadata is configured, and checked."""

import pytest

from lambdas.domain.attribution import InvalidRuleError, LabelNames, Labels
from lambdas.domain.attribution.label_names import MOST_NAMES


def test_labels_are_read_by_the_names_that_are_configured() -> None:
    names = LabelNames(project=("Cost-Center", "project"), department=("dept",), use_case=())
    tags = (("cost-center", "4711"), ("dept", "sales"), ("project", "search"), ("use_case", "x"))
    assert names.read_tags(tags) == Labels("4711", "sales", None)
    assert names.read_tags(tags[1:]) == Labels("search", "sales", None)
    assert names.tag_names == {"cost-center", "project", "dept"}


def test_a_name_whose_value_is_no_label_leaves_it_to_the_next_one() -> None:
    names = LabelNames(project=("project", "team"))
    assert names.read_tags((("project", " "), ("team", "core"))).project == "core"
    assert names.read_metadata((("project", "unattributed"), ("team", ""))) == Labels()


def test_metadata_is_read_by_its_exact_name() -> None:
    names = LabelNames()
    assert names.read_metadata((("Project", "a"), ("project", "b"))) == Labels(project="b")
    assert names.are_in((("project", "b"),))
    assert not names.are_in((("Project", "a"), ("trace", "c")))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"project": ("a",) * (MOST_NAMES + 1)}, "project: allowed: 3 names at most"),
        ({"department": ("",)}, "department: allowed: names of 1 to 128 characters"),
        ({"department": (" ",)}, "department: allowed: names of 1 to 128 characters"),
        ({"use_case": ("x" * 129,)}, "use_case: allowed: names of 1 to 128 characters"),
        ({"project": ("a", "A")}, "label_names: allowed: each name once"),
        ({"use_case": ("Project",)}, "label_names: allowed: each name once"),
    ],
)
def test_names_that_cannot_be_meant_so_are_told(
    names: dict[str, tuple[str, ...]], told: str
) -> None:
    with pytest.raises(InvalidRuleError, match=told):
        LabelNames(**names)
