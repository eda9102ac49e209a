"""What may be asked of S3, what it is called, and what comes of it."""
