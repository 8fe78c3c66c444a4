"""Alarms on the meter itself: whether it counts all there is, and keeps up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.components.health_symptoms import Symptom, Watched, symptoms
from cdk.components.scheduled_functions import Scheduled, symptoms_of


class HealthAlarms(Construct):
    """One alarm for each symptom.

    Attributes:
        alarms: All of them, by name.
        with_recovery: The names of those of which people are also told when it is over.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Watched,
        scheduled: Sequence[Scheduled],
        optional: Iterable[Symptom] = (),
        look_at: str,
    ) -> None:
        """Make the alarms.

        Args:
            scope: The stack.
            construct_id: Their name there.
            watched: What has metrics of its own.
            scheduled: The functions that a schedule starts.
            optional: Health checks of what is not in every deployment.
            look_at: The address of the dashboard that shows more.
        """
        super().__init__(scope, construct_id)
        all_of_them = list(chain(symptoms(), optional, *map(symptoms_of, scheduled)))
        self.alarms = {it.name: self._alarm(it, watched, look_at) for it in all_of_them}
        self.with_recovery = frozenset(it.name for it in all_of_them if it.is_recovery_told)

    def _alarm(self, symptom: Symptom, watched: Watched, look_at: str) -> cloudwatch.Alarm:
        there, of = symptom.periods
        is_absence = symptom.is_absence
        return cloudwatch.Alarm(
            self,
            symptom.name,
            alarm_name=f"BedrockMeter-Health-{symptom.name}",
            alarm_description=f"{symptom.meaning} More: {look_at}",
            metric=symptom.metric_of(watched),
            threshold=symptom.threshold,
            datapoints_to_alarm=there,
            evaluation_periods=of,
            comparison_operator=(
                cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
                if is_absence
                else cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            treat_missing_data=symptom.without_data
            or (
                cloudwatch.TreatMissingData.BREACHING
                if is_absence
                else cloudwatch.TreatMissingData.NOT_BREACHING
            ),
        )
