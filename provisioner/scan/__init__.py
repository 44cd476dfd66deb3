"""provisioner/scan."""
