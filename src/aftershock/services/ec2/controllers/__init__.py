"""Observe, plan, do, record: what makes the ground be as EC2's records want it."""
