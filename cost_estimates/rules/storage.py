"""S3: what is stored, asked and downloaded."""

from __future__ import annotations

from collections.abc import Mapping

from cost_estimates.rules.rule import Charge, Meter, Rule, fixed

S3_STORAGE = Meter("S3", "standard-storage-gb-month")
S3_PUT = Meter("S3", "standard-put-request")
S3_GET = Meter("S3", "standard-get-request")
INTERNET_OUT = Meter("DataTransfer", "internet-out-gb")

RULES: Mapping[str, Rule] = {
    "AWS::S3::Bucket": Rule(
        words="charged for what is stored, asked and downloaded",
        charges=fixed(
            Charge(meter=S3_STORAGE, per="s3_storage_gb"),
            Charge(meter=S3_PUT, per="s3_put_requests"),
            Charge(meter=S3_GET, per="s3_get_requests"),
            Charge(meter=INTERNET_OUT, per="s3_internet_out_gb"),
        ),
    ),
}
