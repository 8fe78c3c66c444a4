"""Adapters on Amazon S3."""
