"""What the functions do, one verb phrase a module, over ports that adapters fill."""
