"""The policies of roles fit in every partition, with the longest names that are possible."""

import json
from collections import defaultdict

import pytest

from cdk.config import stack_names
from tests.infrastructure.synthesis import CONFIGURATIONS, as_list, deployment
from tests.operations.test_boundary import REGION, Names
from tests.policy_sizes import LONG_REGIONS, MAX_INLINE_POLICIES, count_letters

LONG_METER = "BedrockMeter-" + "X" * 16
RANDOM_PART = "1A2B3C4D5E6F"
"""CloudFormation adds twelve letters to the names that it makes."""


@pytest.mark.parametrize("region", LONG_REGIONS)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_inline_policies_of_each_role_fit(configuration: str, region: str) -> None:
    templates = deployment(configuration).templates
    sizes: defaultdict[str, int] = defaultdict(int)
    for stack, template in templates.items():
        names = Names(templates, stack)
        for resource in template["Resources"].values():
            if resource["Type"] != "AWS::IAM::Policy":
                continue
            document = [
                {
                    **statement,
                    "Resource": list(map(names.resolve, as_list(statement["Resource"]))),
                }
                for statement in resource["Properties"]["PolicyDocument"]["Statement"]
            ]
            text = (
                json.dumps(document)
                .replace(REGION, region)
                .replace("arn:aws:", "arn:aws-us-gov:")
                .replace("-1A2B", f"-{RANDOM_PART}")
                .replace(f"{stack_names.PREFIX}-", f"{LONG_METER}-")
            )
            for role in resource["Properties"]["Roles"]:
                sizes[f"{stack}/{role['Ref']}"] += count_letters(json.loads(text))
    assert len(sizes) > 8
    assert max(sizes.values()) <= MAX_INLINE_POLICIES, max(sizes, key=lambda role: sizes[role])
