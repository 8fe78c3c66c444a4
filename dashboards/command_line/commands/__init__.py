"""One command per file. Each command imports its code only when it runs, so that help is fast."""
