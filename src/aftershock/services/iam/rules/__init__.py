"""IAM's rules: what may be asked, what it is called, who may take on a role.  No I/O, no clock, no ids."""
