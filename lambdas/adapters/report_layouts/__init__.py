"""How reports look: text tables, JSON, CSV, and the files that hold them."""
