"""Door to the Price List Query API, for networks that reach AWS's endpoints but not its files."""

from collections.abc import Iterator, Mapping

from provisioner.aws.session import Client

# The API has three endpoints, and none of them is the region that is priced.
REGION = "us-east-1"

# EC2 alone has a hundred thousand products in a region, a hundred to a call: only families that are used.
_NARROWED: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "AmazonEC2": (
        {
            "productFamily": "Compute Instance",
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
            "marketoption": "OnDemand",
        },
        *(
            {"productFamily": family}
            for family in (
                "CPU Credits",
                "NAT Gateway",
                "Provisioned Throughput",
                "Storage",
                "Storage Snapshot",
                "System Operation",
            )
        ),
    )
}

# Data transfer has two places, and no region of its own.
_REGION_FIELDS = {"AWSDataTransfer": ("fromRegionCode", "toRegionCode")}


class Prices:
    """The products of an offer in a region, as JSON texts; needs `pricing:GetProducts`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def products(self, offer: str, region: str) -> Iterator[str]:
        """Raises RefusedError."""
        for field in _REGION_FIELDS.get(offer, ("regionCode",)):
            for narrowed in _NARROWED.get(offer, ({},)):
                yield from self._matching(offer, {field: region, **narrowed})

    def _matching(self, offer: str, wanted: Mapping[str, str]) -> Iterator[str]:
        filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
        pages = self._client.pages("get_products", ServiceCode=offer, FormatVersion="aws_v1", Filters=filters)
        for page in pages:
            yield from page["PriceList"]
