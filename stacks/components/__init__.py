"""stacks/components."""
