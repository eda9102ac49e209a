"""The reference sites: what people would put on EC2, and their stories, told through the unmodified AWS CLI."""
