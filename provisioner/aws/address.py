"""The address from which AWS sees this machine."""

from ipaddress import IPv4Address
from urllib.request import urlopen

from provisioner.errors import RefusedError

# AWS's own echo of the caller's address: https://docs.aws.amazon.com/vpc/latest/userguide/
URL = "https://checkip.amazonaws.com"
SECONDS = 5


def own() -> str:
    """An IPv4 address, 198.51.100.7 say; raises RefusedError where it cannot be learned."""
    try:
        with urlopen(URL, timeout=SECONDS) as reply:
            return str(IPv4Address(reply.read(64).decode("ascii", "replace").strip()))
    except (OSError, ValueError) as error:
        raise RefusedError(
            f"{URL} did not tell this machine's address: {error}", hint="write it yourself"
        ) from error
