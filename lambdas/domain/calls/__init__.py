"""Calls with everything that a report or a metric needs of them: attribution and cost."""
