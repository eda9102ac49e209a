"""What may be asked of Fault Injection Service, and what to do about it.  Pure."""
