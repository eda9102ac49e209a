"""What may be asked of a registry, what it is called, and what to do."""
