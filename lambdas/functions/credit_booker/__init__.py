"""Books usage against credits and sends their alerts."""
