"""Alarms: on usage, and on the health of the meter."""
