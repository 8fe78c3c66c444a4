"""Takes off denies that outlast their end."""
