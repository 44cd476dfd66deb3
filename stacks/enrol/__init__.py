"""The code that a template may carry within itself."""
