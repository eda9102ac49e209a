"""Cost Explorer's only controller: the meter."""
