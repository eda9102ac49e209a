"""`cfn-init` and its kin: what an instance makes of the metadata of its resource in a stack.

The base image has these modules under /usr/lib/aftershock and the programs in /opt/aws/bin, where Amazon Linux has
AWS's own; command lines, metadata, order and exit statuses are the same.  They run on Debian's own Python and have
nothing but the standard library.
"""
