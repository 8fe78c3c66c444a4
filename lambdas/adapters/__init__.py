"""Ports filled with AWS services, one technology and one thing a module."""
