"""What has to hold after a run: each projection equals the truth."""
