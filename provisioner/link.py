"""CloudFormation quick-create links: build one, parse it back, say who can read its template."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from provisioner import regions
from provisioner.errors import SpecError
from provisioner.regions import Partition

MAX_TEMPLATE_URL = 1024
STACK_NAME = r"[A-Za-z][A-Za-z0-9-]{0,127}"
# The awsdocs page "Create quick-create links for stacks" gives this form.
_FRAGMENT = "/stacks/create/review"
_FRAGMENTS = (_FRAGMENT, "/stacks/quickcreate")
_SIGNED = ("x-amz-signature", "x-amz-security-token", "x-amz-credential", "signature", "awsaccesskeyid")
_NAMED = {"templateURL", "stackName"}


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a quick-create URL says; `parameters` maps name to text, exactly as in the URL."""

    region: str
    template_url: str
    stack_name: str
    parameters: Mapping[str, str]


def quick_create(link: Link) -> str:
    """The URL; every value percent-encoded, empty parameters left out. Raises SpecError.

    The console ignores unknown and NoEcho parameters without a word, so names must be the template's own.
    """
    check_template_url(link.template_url, region=link.region)
    if not re.fullmatch(STACK_NAME, link.stack_name):
        raise SpecError(
            f"stack name {link.stack_name!r} is not allowed",
            hint="a letter, then at most 127 letters, digits and -",
            field="name",
        )
    values = {"templateURL": link.template_url, "stackName": link.stack_name}
    values |= {f"param_{k}": v for k, v in link.parameters.items() if v != ""}
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in values.items())
    return f"https://{_console(link.region)}/cloudformation/home?region={link.region}#{_FRAGMENT}?{query}"


def parse(url: str) -> Link:
    """What a link says; raises SpecError for anything that is not a CloudFormation quick-create link."""
    parts = _split(url.strip())
    path, _, query = parts.fragment.partition("?")
    if parts.scheme != "https" or path not in _FRAGMENTS or parts.path != "/cloudformation/home":
        raise _not_a_link("it is no CloudFormation quick-create address")
    region = _pairs(parts.query).get("region", "")
    if region not in regions.names():
        raise _not_a_link(f"region {region!r} is unknown")
    if parts.netloc not in (_console(region), regions.partition(region).console):
        raise _not_a_link(f"{parts.netloc} is not the AWS console of {region}")
    values = _pairs(query)
    if not values.keys() >= _NAMED:
        raise _not_a_link("templateURL or stackName is missing")
    unknown = [k for k in values if k not in _NAMED and not k.startswith("param_")]
    if unknown:
        raise _not_a_link(f"nobody can say what the console makes of {unknown[0]!r}")
    return Link(
        region=region,
        template_url=values["templateURL"],
        stack_name=values["stackName"],
        parameters={k.removeprefix("param_"): v for k, v in values.items() if k.startswith("param_")},
    )


def check_template_url(url: str, *, region: str) -> None:
    """Whether CloudFormation in this region can be given the URL: by form only. Raises SpecError."""
    partition = regions.partition(region)
    parts = _split(url)
    keys = {key.lower() for key, _ in parse_qsl(parts.query)}
    if len(url) > MAX_TEMPLATE_URL:
        raise _bad_url(f"{len(url)} characters", f"the console takes at most {MAX_TEMPLATE_URL}")
    if keys & set(_SIGNED):
        raise _bad_url(
            "it is presigned",
            "a signature ends with its session and does not fit the console's 1,024 characters: "
            "make the object readable to whoever clicks instead",
        )
    if re.search(r"[^!-~]", url):
        raise _bad_url("it holds a blank or a character that is not ASCII", "percent-encode it")
    host = _s3_host(parts.netloc, partition)
    if parts.scheme != "https" or host is None:
        raise _bad_url(
            f"{parts.scheme}://{parts.netloc} is not an https S3 host of partition {partition.name}",
            f"https://BUCKET.s3.{region}.{partition.suffix}/KEY – CloudFormation reads from S3 only, no CDN",
        )
    names = [name for name in parts.path.split("/") if name]
    if len(names) < (1 if host["bucket"] else 2) or parts.fragment:
        raise _bad_url("it names no object", f"https://BUCKET.s3.{region}.{partition.suffix}/KEY")


def object_url(*, bucket: str, key: str, region: str) -> str:
    """The address of an S3 object in its region, as a link carries it."""
    return f"https://{bucket}.s3.{region}.{regions.partition(region).suffix}/{quote(key)}"


def _pairs(query: str) -> dict[str, str]:
    """`+` stays a plus: links percent-encode, and names with a plus are real."""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        name = unquote(key)
        if name in found:
            raise _not_a_link(f"{name} stands twice: nobody can say which one the console takes")
        found[name] = unquote(value)
    return found


def _console(region: str) -> str:
    return f"{region}.{regions.partition(region).console}"


def _s3_host(host: str, partition: Partition) -> re.Match[str] | None:
    found = re.fullmatch(
        r"((?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.)?s3([.-](?!website)(?P<region>[a-z0-9-]+))?\."
        + re.escape(partition.suffix),
        host,
    )
    # aws and aws-us-gov share a suffix: the region in the host tells them apart.
    if found and found["region"] in regions.names():
        return found if regions.partition(found["region"]) == partition else None
    return found


def _split(url: str) -> SplitResult:
    """The parts of an address; nothing at all where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _not_a_link(why: str) -> SpecError:
    return SpecError(f"not a link of ours: {why}", hint="`stackwright link` makes one", field="url")


def _bad_url(why: str, hint: str) -> SpecError:
    return SpecError(f"the template URL does not go through a link: {why}", hint=hint, field="template-url")
