"""A function of the meter that a schedule starts."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

from cdk.alarms.scheduled_functions import Scheduled
from cdk.components.meter_function import MeterFunction


class ScheduledFunction(MeterFunction):
    """A function whose runs are safe to repeat: the next one makes up for one that failed.

    Attributes:
        scheduled: The description of the function for its alarms.
    """

    scheduled: Scheduled

    def run_every(
        self,
        interval: Duration,
        *,
        purpose: str,
        at: events.Schedule | None = None,
        retries: int | None = 0,
        max_event_age: Duration | None = None,
        is_growing: bool = False,
    ) -> None:
        """Start the function by the clock.

        Args:
            interval: The interval of its runs.
            purpose: The work of the function, as in `Scheduled`.
            at: The times of its runs, in UTC, if they matter.
            retries: The number of times that Lambda repeats a run that failed; `None` for Lambda's
                own number, two.
            max_event_age: The time after which Lambda drops an event that waits; `None` for
                Lambda's own limit, six hours.
            is_growing: True if runs take longer as usage grows.
        """
        if retries is not None:
            self.configure_async_invoke(retry_attempts=retries, max_event_age=max_event_age)
        events.Rule(
            self,
            "Schedule",
            description=f"Bedrock Meter: {purpose}",
            schedule=at or events.Schedule.rate(interval),
            targets=[targets.LambdaFunction(self)],
        )
        self.scheduled = Scheduled(
            self.node.id, self, interval, purpose, self.fixed_name, is_growing=is_growing
        )
