"""The rows of a scan, one file per family of services."""
