"""What runs on the instance; nothing of Aftershock's own is imported here, nor could it be."""
