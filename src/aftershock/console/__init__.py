"""The console: a web page that shows the region live, and lets one shake it.

A client like any other: it speaks the public AWS API with the account's key, and knows no part of the region.  It is a
process of its own inside the region (`python -m aftershock.console`), so that it answers while the control plane is
down, and says so.
"""
