"""What Auto Scaling may be asked, and what it decides."""
