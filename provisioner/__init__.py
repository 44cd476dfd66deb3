"""Stackwright: from a wish to a registered MLOps stack on AWS."""

__version__ = "0.1.0"
