"""CDK constructs of every component, and the app that joins them."""
