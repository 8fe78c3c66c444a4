"""A stack that cannot be deployed locally is refused with the name of the obstacle."""

import json
from pathlib import Path
from typing import Any

import pytest

from cdk.config import stack_names
from cdk.local_cloud.cloud import LocalCloud, LocalCloudError
from cdk.local_cloud.deployment import deploy, synthesize


def app(folder: Path, **resources: Any) -> Path:
    """A synthesized app whose first stack has these resources."""
    template = f"{stack_names.STORAGE}.template.json"
    destination = {"bucketName": "assets-${AWS::AccountId}", "objectKey": "template.json"}
    files = {"t": {"source": {"path": template}, "destinations": {"here": destination}}}
    (folder / template).write_text(json.dumps({"Resources": resources}))
    (folder / f"{stack_names.STORAGE}.assets.json").write_text(json.dumps({"files": files}))
    return folder


def test_an_unsupported_resource_type_is_named(cloud: LocalCloud, tmp_path: Path) -> None:
    folder = app(tmp_path, Budget={"Type": "AWS::Budgets::Budget", "Properties": {}})
    with pytest.raises(LocalCloudError, match=r"deployed locally: .*AWS::Budgets::Budget"):
        deploy(cloud, folder)


def test_a_failed_resource_is_named_with_its_reason(cloud: LocalCloud, tmp_path: Path) -> None:
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"EvaluationPeriods": 1}}
    with pytest.raises(
        LocalCloudError, match=r"was not created: Alarm \(AWS::CloudWatch::Alarm\): "
    ):
        deploy(cloud, app(tmp_path, Alarm=alarm))


def test_a_failed_synthesis_is_reported_with_the_reason(cloud: LocalCloud) -> None:
    with pytest.raises(LocalCloudError, match="max_identities"):
        synthesize(cloud, {"max_identities": "many"})
