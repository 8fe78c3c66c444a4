"""Adapters that deliver notifications."""
