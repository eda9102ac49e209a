"""What may be asked, what it is called, and what to do."""
