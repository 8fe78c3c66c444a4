"""Bugs that are planted around the real services, each revealed by one fault alone."""
