"""Where templates lie: the address that a link gets, and who vouches for the one that a link names."""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from provisioner import link as links
from provisioner import synth
from provisioner import template as templates
from provisioner.cli.options import open_quickly, open_session, places
from provisioner.cli.planning import Draft
from provisioner.errors import SpecError
from provisioner.link import Link
from provisioner.moment import stamp
from provisioner.plan import shape_from
from provisioner.template import Template

if TYPE_CHECKING:
    from provisioner.explain import Source

_MOST = 1_000_000  # bytes of a template that CloudFormation reads


def address(given: str, drafted: Draft) -> tuple[str, str]:
    """The template's address and who can read it: the option's, a vendor's, or the last publish's."""
    region, sha256 = drafted.plan.spec.region, drafted.template.sha256
    if given:
        return given, "whoever may read that object"
    base = _base()
    if base:
        return _listed(base, sha256), f"whoever may read {base}"
    published = open_quickly().publication(sha256=sha256, region=region)
    if published is None:
        raise SpecError(
            f"nobody knows where this template lies for {region}",
            hint="`stackwright publish`, or --template-url URL, or STACKWRIGHT_TEMPLATE_BASE=URL",
            field="template-url",
        )
    return published.url, f"principals of account {published.account} that may read its bucket"


def at_hand(path: str) -> "Source":
    """A template handed in as a file; raises SpecError."""
    from pathlib import Path

    from provisioner.explain import Source

    try:
        text = Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} cannot be read: {error}", field="template") from None
    template, sha256 = _template(text, path), _sha256(text.encode())
    how = "the file handed in with --template"
    return Source(template=template, sha256=sha256, how=how + ("" if _known(sha256) else ", not known here"))


def online(link: Link, profile: str) -> "Source":
    """The object itself, read as whoever is signed in; raises RefusedError or SpecError."""
    from provisioner.aws.buckets import Buckets
    from provisioner.explain import Source

    found = links.object_of(link.template_url, region=link.region)
    region = found.region or link.region
    door = Buckets(open_session(region, profile).client("s3"), account="", region=region)
    content = door.read_bytes(found.bucket, found.key, version=found.version, most=_MOST + 1)
    if len(content) > _MOST:
        raise SpecError(f"{link.template_url} has more than {_MOST:,} bytes", field="url")
    text, sha256 = content.decode(errors="replace"), _sha256(content)
    return Source(
        template=_template(text, link.template_url),
        sha256=sha256,
        how="the object itself, read just now",
        own=_known(sha256) is not None,
    )


def claimed(link: Link) -> "Source":
    """What is known without reading the object: our own publication, a vendor's manifest, or a mere claim."""
    from provisioner.explain import Source, hash_in

    published = open_quickly().publication_at(link.template_url)
    if published:
        how = f"published from here on {stamp(published.published_at)[:10]} to account {published.account}"
        return Source(template=_known(published.sha256), sha256=published.sha256, how=how)
    sha256 = hash_in(link.template_url)
    base = _base()
    if base and sha256 and link.template_url.startswith(f"{base}/"):
        row = _parse_manifest(_read_manifest(base), base).get(sha256)
        if row is not None and f"{base}/{_key(row, sha256)}" == link.template_url:
            how = f"listed in the manifest of {base}"
            return Source(template=_known(sha256), sha256=sha256, how=how)
    return Source(template=_known(sha256) if sha256 else None)


def _known(sha256: str) -> Template | None:
    return synth.find_known(sha256, cache_dir=places().cache)


def _sha256(content: bytes) -> str:
    """Of the bytes as they lie there: two keys of one name are one to us, and perhaps two to AWS."""
    return hashlib.sha256(content).hexdigest()


def _template(text: str, where: str) -> Template:
    try:
        template = templates.parse(text)
    except ValueError as error:
        raise SpecError(f"{where} is no template: {error}", field="template") from None
    if template.shape:
        shape_from(template.shape)
    return template


def _base() -> str:
    return os.environ.get("STACKWRIGHT_TEMPLATE_BASE", "").rstrip("/")


def _listed(base: str, sha256: str) -> str:
    """The template's address in a vendor's bucket; a shape that is not there is an error, not a dead link."""
    row = _parse_manifest(_read_manifest(base), base).get(sha256)
    if row is None:
        raise SpecError(
            f"{base} holds no template for this combination",
            hint="use one of the presets as it is, or `stackwright publish` to a bucket of yours",
            field="template-base",
        )
    return f"{base}/{_key(row, sha256)}"


def _key(row: Mapping[str, Any], sha256: str) -> str:
    return str(row.get("key", f"stackwright/{sha256}.json"))


def _parse_manifest(text: str, base: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        rows: Mapping[str, Mapping[str, Any]] = json.loads(text)["templates"]
        if not all(isinstance(row, dict) for row in rows.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SpecError(
            f"what {base} answers is no manifest of templates",
            hint="`stackwright publish` writes one beside the templates",
            field="template-base",
        ) from None
    return rows


def _read_manifest(base: str) -> str:
    """STACKWRIGHT_TEMPLATE_MANIFEST where it names a file, else the one beside the templates."""
    local = os.environ.get("STACKWRIGHT_TEMPLATE_MANIFEST", "")
    try:
        if local:
            with open(local, encoding="utf-8") as file:  # noqa: PTH123 - one read on the path of `link`
                return file.read()
        return _fetched(base)
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"the manifest of {base} cannot be read: {error}",
            hint="save it and set STACKWRIGHT_TEMPLATE_MANIFEST=FILE",
            field="template-base",
        ) from None


def _fetched(base: str) -> str:
    from http.client import HTTPException
    from urllib.request import urlopen

    if not base.startswith("https://"):
        raise SpecError(f"{base} is not https", field="template-base")
    try:
        with urlopen(f"{base}/stackwright/manifest.json", timeout=5) as answer:  # noqa: S310 - https only
            return str(answer.read().decode())
    except HTTPException as error:
        raise OSError(error) from error
