"""CloudFormation's decisions: what a template says, what a change needs, what to do next.  No I/O."""
