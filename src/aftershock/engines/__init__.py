"""Drivers over real software: list, ensure, remove.  They know Linux and real servers, and nothing of AWS."""
