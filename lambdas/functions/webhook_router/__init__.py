"""Adds a delivery of each event for every receiver that wants it."""
