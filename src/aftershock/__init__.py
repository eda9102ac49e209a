"""Aftershock: an AWS-compatible region on one Linux machine whose architecture is real."""
