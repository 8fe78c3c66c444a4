"""Sends deliveries of events to receivers of webhooks."""
