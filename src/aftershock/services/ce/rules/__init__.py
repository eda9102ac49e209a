"""What is billed for how long, what it costs, and how it is asked for.  Pure."""
