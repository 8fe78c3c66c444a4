"""Sends a summary of each week."""
