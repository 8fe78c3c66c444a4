"""Rules about calls outside the deployment's logs."""
