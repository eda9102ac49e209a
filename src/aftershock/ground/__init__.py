"""The ground under a region: its namespaces, its first process, its doors on the host.  Standard library only."""
