"""The composition root: clients, shared settings, and what services are made of."""
