"""Tests forecasts on public usage, and writes the errors that are shipped."""
