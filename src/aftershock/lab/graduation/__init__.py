"""From here to AWS: what is to be known before a stack's template is deployed there."""
