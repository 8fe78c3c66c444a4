"""The work of the functions, one verb phrase a module, over ports that adapters implement."""
