"""Bugs that are planted around the real services, each of which one fault alone reveals."""
