"""A cloud that is computed, not kept: any number of accounts in AWS's wire format, from one seed."""
