"""What operators run around a deployment, with credentials of their own."""
