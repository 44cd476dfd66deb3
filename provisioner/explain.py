"""A quick-create link explained in words: whom it trusts, what it creates, where its template is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from provisioner import access, guards, printable
from provisioner.components import CATALOGUE
from provisioner.errors import SpecError
from provisioner.link import Link, broken_rule, check_template_url, elsewhere
from provisioner.template import Template


@dataclass(frozen=True, kw_only=True)
class Source:
    """The template behind a link: its text, its hash, and how it is known; `how` is empty for a mere claim.

    A hash in an address proves nothing: whoever can write the bucket can put anything under that name.
    """

    template: Template | None = None
    sha256: str = ""
    how: str = ""
    own: bool = True


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the enrolment that a link carries was opened for."""

    name: str
    region: str
    template_sha256: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a template lies, its hash (a claim unless `known`), and how that is known."""

    url: str
    host: str
    sha256: str
    known: bool
    how: str


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`doubts` are reasons not to click; `notes` are what a reader should know."""

    region: str
    stack_name: str
    trusts: str
    creates: list[str]
    template: Origin
    parameters: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """For a terminal: nothing in it can move the cursor, colour or hide."""
        template, values = self.template, [f"{k} = {v}" for k, v in self.parameters.items()]
        lines = [
            f"A stack {self.stack_name!r} in {self.region}.",
            f"Trusts:   {self.trusts}.",
            *_column("Creates:", self.creates or ["unknown"]),
            *_column("Template:", [template.url, f"from {template.host}; {template.how}"]),
            *_column("Values:", values or ["defaults"]),
            *(f"Note:     {note}" for note in self.notes),
            *(f"DOUBT:    {doubt}" for doubt in self.doubts),
        ]
        return "\n".join(map(printable.line, lines))


def _column(title: str, rows: Sequence[str]) -> Iterator[str]:
    yield f"{title:<10}{rows[0]}"
    yield from (f"{'':<10}{row}" for row in rows[1:])


def hash_in(template_url: str) -> str:
    """The content address in a template URL of ours, or nothing."""
    found = re.search(r"/([0-9a-f]{64})\.json$", urlsplit(template_url).path)
    return found[1] if found else ""


def explain(link: Link, *, source: Source, promise: Promise | None) -> Explanation:
    """What the link would do, and how it differs from what its enrolment promised, where that is known."""
    return Explanation(
        region=link.region,
        stack_name=link.stack_name,
        trusts=_trusts(link, source.template),
        creates=_creates(source.template),
        template=_origin(link, source),
        parameters=dict(link.parameters),
        notes=[*_notes(link, promise)],
        doubts=[*_edits(link, source, promise), *_doubts(link, source)],
    )


def _trusts(link: Link, template: Template | None) -> str:
    principal = link.parameters.get("TrustedPrincipal", "")
    external_id = "ExternalId" in link.parameters
    subject = link.parameters.get("OidcSubject", "")
    if template is None and not principal and not subject:
        return "unknown: the link names nobody, and its template is not known here"
    shape = template.shape if template else {}
    return access.trust_words(
        shape.get("trust", "oidc" if subject else "account" if template else "principal"),
        external_id=external_id,
        principal=principal,
        issuer=str(shape.get("oidc_issuer", "")),
        subject=subject,
    )


def _creates(template: Template | None) -> list[str]:
    if template is None:
        return []
    counted: dict[str, int] = {}
    for resource in template.resources.values():
        counted[str(resource["Type"])] = counted.get(str(resource["Type"]), 0) + 1
    built = template.shape.get("components", {})
    words = [
        f"{c.type}: {c.words}"
        for c in CATALOGUE
        if {"flavor": c.flavor, "action": "build"}.items() <= dict(built.get(c.type) or {}).items()
    ]
    return [*words, ", ".join(f"{n} × {type_}" for type_, n in sorted(counted.items()))]


def _origin(link: Link, source: Source) -> Origin:
    claimed = hash_in(link.template_url)
    return Origin(
        url=link.template_url,
        host=urlsplit(link.template_url).netloc,
        sha256=source.sha256 or claimed,
        known=bool(source.how),
        how=source.how
        or (
            f"its address claims to be template {claimed[:12]}…; the object was not read"
            if claimed
            else "not known here: nothing vouches for it"
        ),
    )


def _notes(link: Link, promise: Promise | None) -> Iterator[str]:
    yield "The link only fills in a form: every value can be changed before the stack is created."
    if base := link.parameters.get("FinishBase"):
        yield f"After creation it asks to finish at {base}."
    if promise is None:
        yield (
            "Its enrolment is not from this registry: nobody here promised these values."
            if "EnrolmentId" in link.parameters
            else "It carries no enrolment: nobody here promised these values."
        )
    elif promise.name != link.stack_name:
        yield f"The link was made as {promise.name!r}; whoever clicks may name the stack as they like."
    if other_region := elsewhere(link.template_url, region=link.region):
        yield other_region


def _edits(link: Link, source: Source, promise: Promise | None) -> Iterator[str]:
    """Everything that somebody changed since the link was made, whom it trusts first."""
    if promise is None:
        return
    was, is_ = promise.parameters, link.parameters
    names = {k for k in was.keys() | is_.keys() if not guards.is_same(k, was.get(k, ""), is_.get(k, ""))}
    for name in sorted(names, key=lambda n: (n not in guards.PARAMETERS, n)):
        yield _edit(name, was.get(name, ""), is_.get(name, ""))
    if link.region != promise.region:
        yield f"it was made for {promise.region}, and now opens {link.region}"
    named = source.sha256 or hash_in(link.template_url)
    if named and named != promise.template_sha256:
        yield f"it was made for template {promise.template_sha256[:12]}…, and now names {named[:12]}…"


def _edit(name: str, was: str, is_: str) -> str:
    if not was:
        return f"{name} was added since the link was made: {is_}"
    if not is_:
        return f"{name} was taken out since the link was made: it was {was}"
    return f"{name} was changed since the link was made: it was {was}, and is {is_}"


def _doubts(link: Link, source: Source) -> Iterator[str]:
    try:
        check_template_url(link.template_url, region=link.region)
    except SpecError as error:
        yield f"{error.message} ({error.hint})"
    expected = hash_in(link.template_url)
    if not source.how:
        yield _unread(expected)
    elif source.template is None:
        yield "no text of this template is at hand: read it with --online, or pass it with --template FILE"
    elif not source.own:
        yield "the template is none that is known here: download it, read it, pass it with --template FILE"
    if source.how and source.sha256 != expected:
        yield f"the template's hash is {source.sha256[:12]}…, its address says {expected[:12] or 'none'}…"
    if source.template:
        yield from _misfits(link, source.template)


def _unread(expected: str) -> str:
    if not expected:
        return "the template's address carries no hash, so its content may change at any time"
    return (
        f"its address claims to be template {expected[:12]}…; the object was not read: --online reads it, "
        "--template FILE takes a copy that you downloaded"
    )


def _misfits(link: Link, template: Template) -> Iterator[str]:
    for name in sorted(link.parameters.keys() - template.parameters.keys()):
        yield f"{name} is no parameter of the template: the console would ignore it"
    for name, declared in template.parameters.items():
        rule = broken_rule(declared, link.parameters.get(name, ""))
        if rule:
            yield f"{name} does not fit the template's own rule {rule}"
