"""A running region as its clients see it: the AWS API, the SOCKS door, and the credentials to come in with;
and what several clients do there alike, as reckon the bill or fail a zone.

For the command line, the sites and whoever else stands outside.  Nothing here knows how the region does its work.
"""
