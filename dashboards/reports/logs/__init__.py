"""Log files: finding, recognizing and reading them."""
