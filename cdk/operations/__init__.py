"""Commands that operators run around a deployment, with their own credentials."""
