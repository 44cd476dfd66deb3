"""What `stackwright serve` serves."""
