"""Compares the resources that notify people of tampering with their deployed state."""
