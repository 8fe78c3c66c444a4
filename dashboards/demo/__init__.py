"""The demo: a made-up company in a local cloud, whose figures are checked."""
