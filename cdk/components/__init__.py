"""Parts of stacks and functions."""
