"""Names that are shown together are short and differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations.short_names import shorten_identities, shorten_models
from tests.builders import HAIKU_3

SALES, SUPPORT = (f"arn:aws:iam::111122223333:user/{path}/bob" for path in ("sales", "support"))
CHINA = "arn:aws-cn:iam::111122223333:user/bob"


def test_a_user_is_named_without_the_path() -> None:
    assert shorten_identities([SALES]) == {SALES: "111122223333 user/bob"}


@pytest.mark.parametrize("other", [SUPPORT, CHINA, "111122223333 user/bob"])
def test_users_of_one_name_keep_their_arns(other: str) -> None:
    assert shorten_identities([SALES, other]) == {SALES: SALES, other: other}


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        (HAIKU_3, "claude-3-haiku"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("amazon.nova-lite-v1:0", "nova-lite"),
        ("deepseek.r1-v1:0", "deepseek.r1"),
        ("deepseek.v3.1", "deepseek.v3.1"),
        ("custom-model/abc", "custom-model/abc"),
        ("", ""),
    ],
)
def test_a_model_is_named_as_short_as_it_is_clear(model_id: str, name: str) -> None:
    assert shorten_models([model_id]) == {model_id: name}


def test_versions_that_are_named_together_keep_their_ids() -> None:
    models = [
        "anthropic.claude-3-5-sonnet-20240620-v1:0",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
    ]
    assert shorten_models([*models, HAIKU_3]) == {
        **{model: model for model in models},
        HAIKU_3: "claude-3-haiku",
    }


parts = st.sampled_from(["a", "b", "bob", "claude-3", "-v1:0", "-20240620", "/", ".", "anthropic."])
texts = st.lists(parts, max_size=5).map("".join)
arns = texts.map(lambda path: f"arn:aws:iam::111122223333:user/{path}")


@given(st.lists(st.one_of(texts, arns), unique=True, max_size=8))
def test_different_names_stay_different(names: list[str]) -> None:
    for shorten in (shorten_identities, shorten_models):
        short = shorten(names)
        assert list(short) == names
        assert len(set(short.values())) == len(names)
