"""The first process of a balancer node: runs HAProxy, checks the servers, and does as `wanted.json` says.

It runs inside the node, on Debian's own Python, and has nothing but the standard library.
"""
