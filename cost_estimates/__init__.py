"""Monthly cost of any CloudFormation template, offline, from a dated price book."""
