"""What Elastic Load Balancing has on record."""
