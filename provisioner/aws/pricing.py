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


class Prices:
    """The products of an offer in a region, as JSON texts; needs `pricing:GetProducts`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def products(self, offer: str, region: str) -> Iterator[str]:
        """Raises RefusedError."""
        for narrowed in _NARROWED.get(offer, ({},)):
            wanted = {"regionCode": region, **narrowed}
            pages = self._client.pages(
                "get_products",
                ServiceCode=offer,
                FormatVersion="aws_v1",
                Filters=[{"Type": "TERM_MATCH", "Field": f, "Value": v} for f, v in wanted.items()],
            )
            for page in pages:
                yield from page["PriceList"]
