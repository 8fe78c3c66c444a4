"""Publishes new list prices of the Region, and holds those that look like mistakes."""
