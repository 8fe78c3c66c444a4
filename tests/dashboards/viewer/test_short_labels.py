"""Series have the shortest labels that differ within their graph."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.viewer.short_labels import shorten_labels

ROLE = "arn:aws:sts::111122223333:assumed-role"
USER = "arn:aws:iam::111122223333:user"


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([f"{USER}/teams/search/ana"], ["ana"]),
        ([f"{ROLE}/invoice-extraction/invoice-extraction-7f9c"], ["invoice-extraction"]),
        (["arn:aws:iam::111122223333:role/agents/support"], ["support"]),
        ([f"{ROLE}/Developer/ana@example.com"], ["ana@example.com"]),
        ([f"{ROLE}/AWSReservedSSO_Admin_0123456789abcdef/ana"], ["ana"]),
        ([f"{ROLE}/agent/one", f"{ROLE}/agent/two"], ["role/agent/one", "role/agent/two"]),
        (
            [f"{USER}/ana", "arn:aws:iam::444455556666:user/ana"],
            ["111122223333 user/ana", "444455556666 user/ana"],
        ),
        ([f"{USER}/ana", f"{ROLE}/ana/x"], ["user/ana", "role/ana/x"]),
        (["anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"], None),
        (["Total tokens", "__other__", ""], None),
        (["same", "same"], None),
    ],
)
def test_a_label_is_the_informative_part_of_a_name(
    names: list[str], labels: list[str] | None
) -> None:
    assert shorten_labels(names) == (labels or names)


@given(
    st.lists(
        st.builds(
            "{}/{}/{}".format,
            st.sampled_from([USER, ROLE, USER.replace("1", "4"), "not an arn"]),
            st.sampled_from(["a", "b", "AWSReservedSSO_a_0123456789abcdef"]),
            st.sampled_from(["a", "b", "c@d"]),
        ),
        unique=True,
    )
)
def test_different_names_have_different_labels(names: list[str]) -> None:
    assert len(set(shorten_labels(names))) == len(names)
