"""The labels by which usage can be summed."""

from __future__ import annotations

from typing import NamedTuple


class UsageLabels(NamedTuple):
    """The labels of a call; usage can be summed by each of them and by any combination.

    Attributes:
        identity_arn: The caller, as the invocation log names it.
        project: The project; `unattributed` if no source names one.
        department: The department; `unattributed` if no source names one.
        use_case: The use case; `unattributed` if no source names one.
        model_id: The foundation model, behind inference profiles as far as they are known.
        provider: The provider of the model, such as `anthropic`.
        region: The Region that was called.
        service_tier: The tier that served the call; `standard` where none is named.
    """

    identity_arn: str
    project: str
    department: str
    use_case: str
    model_id: str
    provider: str
    region: str
    service_tier: str
