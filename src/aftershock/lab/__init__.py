"""The lab: claims about a site put to the test in a running region, through the public AWS API only."""
