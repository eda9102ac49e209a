"""What may be asked, what it is called, and what the engine is told."""
