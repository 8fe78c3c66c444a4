"""Tests forecasts and the brake on public usage, and writes the errors that are shipped."""
