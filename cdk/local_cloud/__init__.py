"""A made-up AWS on this machine: MiniStack, with what it lacks for the meter's sake."""
