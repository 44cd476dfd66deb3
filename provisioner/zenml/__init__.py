"""A ZenML server as a second home of a registered stack: what it should hold, and how that gets there."""
