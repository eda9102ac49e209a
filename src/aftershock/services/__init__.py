"""One package per AWS service.  Services never import one another."""
