"""EC2's operations, one file a resource; each ends with `OPERATIONS`."""
