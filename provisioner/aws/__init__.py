"""Door to AWS: boto3 behind plain values, and every refusal as an error that says what to do."""
