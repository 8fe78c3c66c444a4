"""Series have the shortest labels that differ within their graph."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.viewer.profile_labels import Profile
from dashboards.viewer.short_labels import name_subject, shorten_labels

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
        ([f"Tokens: {USER}/ana", f"Tokens: {USER}/ben"], ["Tokens: ana", "Tokens: ben"]),
        (["Total tokens", "__other__", ""], None),
        (["deepseek.r1-v1:0", "us.deepseek.r1-v1:0"], None),
        (["deepseek.r1-v1:0"], ["deepseek.r1"]),
        (["us.anthropic.claude-sonnet-4-20250514-v1:0"], ["claude-sonnet-4"]),
        (["anthropic.claude-sonnet-4-v1:0", "us.anthropic.claude-sonnet-4-v1:0"], None),
        (["deepseek.v3.1", "openai.gpt-oss-120b-1:0"], ["deepseek.v3.1", "gpt-oss-120b"]),
        (["same", "same"], None),
    ],
)
def test_a_label_is_the_informative_part_of_a_name(
    names: list[str], labels: list[str] | None
) -> None:
    assert shorten_labels(names) == (labels or names)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("us.anthropic.claude-sonnet-4-v1:0", "anthropic.claude-sonnet-4-v1:0"),
        ("anthropic.claude-sonnet-4-v1:0", "anthropic.claude-sonnet-4-v1:0"),
        ("p24qm5pye2qr", "application-inference-profile/p24qm5pye2qr"),
        (f"{USER}/ana", f"{USER}/ana"),
        ("us.Total tokens", "us.Total tokens"),
    ],
)
def test_a_series_of_bedrocks_metrics_is_of_the_meters_model(name: str, subject: str) -> None:
    assert name_subject(name) == subject


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


PROFILE_ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.mark.parametrize(
    ("profile", "label"),
    [
        (Profile(HAIKU, "support"), "claude-haiku-4-5 (support)"),
        (Profile(HAIKU), "claude-haiku-4-5 (profile p24qm5pye2qr)"),
        (Profile(project="support"), "profile (support)"),
        (Profile(), "profile p24qm5pye2qr"),
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        f"{PROFILE_ARN}/p24qm5pye2qr",
        "application-inference-profile/p24qm5pye2qr",
        "p24qm5pye2qr",
    ],
)
def test_a_profile_is_shown_by_its_model_and_project(
    name: str, profile: Profile, label: str
) -> None:
    asked: list[str] = []

    def find_profile(profile_id: str) -> Profile:
        asked.append(profile_id)
        return profile

    assert shorten_labels([name], find_profile) == [label]
    assert asked == ["p24qm5pye2qr"]


def test_two_profiles_of_one_model_and_project_have_different_labels() -> None:
    names = [f"application-inference-profile/p24qm5pye2q{end}" for end in "rs"]
    assert shorten_labels(names, lambda _: Profile(HAIKU, "support")) == [
        "claude-haiku-4-5 (support, p24qm5pye2qr)",
        "claude-haiku-4-5 (support, p24qm5pye2qs)",
    ]


def test_a_name_that_is_no_profile_is_not_asked_for() -> None:
    def refuse(_profile_id: str) -> Profile:
        raise AssertionError

    for name in ("unattributed", HAIKU, f"{USER}/p24qm5pye2qr", "All others"):
        shorten_labels([name], refuse)
