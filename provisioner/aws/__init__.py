"""Door to AWS: botocore behind plain values, and every refusal as an error that says what to do."""
