"""An emulated AWS on this machine: MiniStack, with the additions that the meter needs."""
