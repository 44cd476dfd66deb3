"""CloudFormation quick-create links: build one, parse it back, say who can read its template."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from provisioner import regions
from provisioner.errors import SpecError
from provisioner.regions import Partition
from provisioner.spec import BLANKS

MAX_TEMPLATE_URL = 1024
STACK_NAME = r"[A-Za-z][A-Za-z0-9-]{0,127}"
# The awsdocs page "Create quick-create links for stacks" gives this form.
_FRAGMENT = "/stacks/create/review"
_FRAGMENTS = (_FRAGMENT, "/stacks/quickcreate")
_SIGNED = ("x-amz-signature", "x-amz-security-token", "x-amz-credential", "signature", "awsaccesskeyid")
_NAMED = {"templateURL", "stackName"}
# Terminals obey them, and lone surrogates cannot be printed at all: no value of ours holds one.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_OPTIONS = {"FinishBase": "finish-base"}
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a quick-create URL says; `parameters` maps name to text, exactly as in the URL."""

    region: str
    template_url: str
    stack_name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """What a template URL names; `region` and `version` are empty where the URL leaves them out."""

    bucket: str
    key: str
    region: str
    version: str


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
    for name, value in link.parameters.items():
        if _CONTROL.search(name + value):
            raise SpecError(f"{name!r} holds a control character: {value!r}", field=name)
    values = {"templateURL": link.template_url, "stackName": link.stack_name}
    values |= {f"param_{k}": v for k, v in link.parameters.items() if v != ""}
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in values.items())
    return f"https://{_console(link.region)}/cloudformation/home?region={link.region}#{_FRAGMENT}?{query}"


def parse(url: str) -> Link:
    """What a link says; raises SpecError for anything that is not a CloudFormation quick-create link."""
    # Terminals wrap long lines; whatever else is not printed has no business in an address.
    text = re.sub(r"[\t\r\n]", "", url.strip())
    if _CONTROL.search(text):
        raise _not_a_link("it holds a control character")
    parts = _split(text)
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
    if not re.fullmatch(STACK_NAME, values["stackName"]):
        raise _not_a_link(f"CloudFormation takes no stack name {values['stackName']!r}")
    return Link(
        region=region,
        template_url=values["templateURL"],
        stack_name=values["stackName"],
        parameters={k.removeprefix("param_"): v for k, v in values.items() if k.startswith("param_")},
    )


def check_bucket_name(name: str) -> None:
    """Whether S3 allows the name; raises SpecError."""
    looks_like_an_address = re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name)
    if not re.fullmatch(_BUCKET, name) or ".." in name or looks_like_an_address:
        raise SpecError(
            f"{name!r} is no name of a bucket",
            hint="3 to 63 small letters, digits, - and ., with a letter or digit at both ends",
            field="bucket",
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


def check_parameters(values: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether a template takes these values; raises SpecError that names the option or parameter."""
    for name, value in values.items():
        field = _OPTIONS.get(name, name)
        if name not in declared:
            raise SpecError(f"{name} is no parameter of the template", field=field)
        if rule := broken_rule(declared[name], value):
            raise SpecError(
                f"{value!r} does not fit {name}: the template allows {rule}",
                hint=str(declared[name].get("ConstraintDescription", "")),
                field=field,
            )


def broken_rule(declared: Mapping[str, Any], value: str) -> str:
    """The rule of a template's parameter that a value breaks; empty where it fits, or is left out."""
    if value == "":
        return ""
    pattern, allowed = declared.get("AllowedPattern"), declared.get("AllowedValues")
    if pattern is not None and not _fits(str(pattern), value):
        return str(pattern)
    if isinstance(allowed, list) and value not in map(str, allowed):
        return ", ".join(map(str, allowed))
    low, high = declared.get("MinValue"), declared.get("MaxValue")
    if declared.get("Type") == "Number" and not _between(value, low, high):
        return f"numbers from {low} to {high}"
    return ""


def _fits(pattern: str, value: str) -> bool:
    """CloudFormation's expressions are Java's: Unicode only where a class says so, and spelt differently.

    A pattern that Python cannot read, in a template of somebody else, fits nothing.
    """
    python = pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", BLANKS)
    try:
        return re.fullmatch(python, value, 0 if r"\p{" in pattern else re.ASCII) is not None
    except re.error:
        return False


def _between(value: str, low: object, high: object) -> bool:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value, re.ASCII):
        return False
    try:
        return (low is None or float(value) >= float(str(low))) and (
            high is None or float(value) <= float(str(high))
        )
    except ValueError:
        return False


def object_of(url: str, *, region: str) -> S3Object:
    """The S3 object of a template URL; raises SpecError where the URL does not go through a link."""
    check_template_url(url, region=region)
    parts = _split(url)
    host = _s3_host(parts.netloc, regions.partition(region))
    path = unquote(parts.path.removeprefix("/"))
    bucket = host["bucket"] if host else ""
    named = (bucket, "/", path) if bucket else path.partition("/")
    return S3Object(
        bucket=named[0],
        key=named[2],
        region=(host and host["region"]) or "",
        version=dict(parse_qsl(parts.query)).get("versionId", ""),
    )


def elsewhere(url: str, *, region: str) -> str:
    """What to know where the template lies in another region than its stack will; empty where it does not."""
    try:
        found = object_of(url, region=region).region
    except SpecError:
        return ""
    if found in ("", region):
        return ""
    return (
        f"The template lies in {found}, the stack will be in {region}: AWS says that some resources need the "
        "bucket in the stack's own region. If CloudFormation cannot read it, publish it there."
    )


def object_url(*, bucket: str, key: str, region: str) -> str:
    """The address of an S3 object in its region, as a link carries it."""
    return f"https://{bucket}.s3.{region}.{regions.partition(region).suffix}/{quote(key)}"


def _pairs(query: str) -> dict[str, str]:
    """`+` stays a plus: links percent-encode, and names with a plus are real."""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        name = unquote(key)
        if _CONTROL.search(name + unquote(value)):
            raise _not_a_link(f"{name!r} holds a control character: {unquote(value)!r}")
        if name in found:
            raise _not_a_link(f"{name} stands twice: nobody can say which one the console takes")
        found[name] = unquote(value)
    return found


def _console(region: str) -> str:
    return f"{region}.{regions.partition(region).console}"


def _s3_host(host: str, partition: Partition) -> re.Match[str] | None:
    found = re.fullmatch(
        rf"((?P<bucket>{_BUCKET})\.)?s3([.-](?!website)(?P<region>[a-z0-9-]+))?\."
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
