"""The internet of the local cloud, which only the sender of webhooks sees."""
