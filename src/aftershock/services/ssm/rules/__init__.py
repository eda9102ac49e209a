"""Parameter Store's rules: names, values, labels, filters.  No I/O, no clock."""
