"""Rules about calls that no log of the deployment has."""
