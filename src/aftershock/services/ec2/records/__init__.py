"""What is stored of EC2: one file a resource, each with its `Table`."""
