"""The phases of a run: traffic with faults, calm with redriving, and the end."""

from __future__ import annotations

from datetime import timedelta

from tests.simulation.world import START

FAULTS_END = START + timedelta(hours=10)
"""From then on no fault is injected; outages that have begun go on."""
END = START + timedelta(hours=52)
"""The end of a run: everything that was late, failed or waiting has come by then."""
