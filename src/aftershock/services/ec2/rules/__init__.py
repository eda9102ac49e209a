"""What may be asked of EC2, what it is called, and what to do: pure, no I/O, no clock, no ids."""
