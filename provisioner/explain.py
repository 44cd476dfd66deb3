"""A quick-create link explained in words: whom it trusts, what it creates, where its template is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from provisioner import access
from provisioner.components import CATALOGUE
from provisioner.errors import SpecError
from provisioner.link import STACK_NAME, Link, check_template_url
from provisioner.spec import BLANKS
from provisioner.template import Template


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`doubts` are reasons not to click; `notes` are what a reader should know."""

    region: str
    stack_name: str
    trusts: str
    creates: list[str]
    template: str
    parameters: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def text(self) -> str:
        lines = [
            f"A stack {self.stack_name!r} in {self.region}.",
            f"Trusts:   {self.trusts}.",
            "Creates:  " + ("\n          ".join(self.creates) or "unknown"),
            f"Template: {self.template}",
            "Values:   "
            + ("\n          ".join(f"{k} = {v}" for k, v in self.parameters.items()) or "defaults"),
        ]
        lines += [f"Note:     {note}" for note in self.notes]
        lines += [f"DOUBT:    {doubt}" for doubt in self.doubts]
        return "\n".join(lines)


def hash_in(template_url: str) -> str:
    """The content address in a template URL of ours, or nothing."""
    found = re.search(r"/([0-9a-f]{64})\.json$", urlsplit(template_url).path)
    return found[1] if found else ""


def explain(link: Link, *, template: Template | None) -> Explanation:
    """What the link would do; `template` is the one with the hash that the URL names, where it is known."""
    expected = hash_in(link.template_url)
    return Explanation(
        region=link.region,
        stack_name=link.stack_name,
        trusts=_trusts(link, template),
        creates=_creates(template),
        template=_origin(link, template),
        parameters=dict(link.parameters),
        notes=[*_notes(link)],
        doubts=[*_doubts(link, template, expected)],
    )


def _trusts(link: Link, template: Template | None) -> str:
    principal = link.parameters.get("TrustedPrincipal", "")
    external_id = "ExternalId" in link.parameters
    if template is None and not principal:
        return "unknown: the link names nobody, and its template is not known here"
    trust = template.shape.get("trust", "account") if template else "principal"
    return access.trust_words(trust, external_id=external_id, principal=principal)


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
        if built.get(c.type) == {"flavor": c.flavor, "action": "build"}
    ]
    return [*words, ", ".join(f"{n} × {type_}" for type_, n in sorted(counted.items()))]


def _origin(link: Link, template: Template | None) -> str:
    host = urlsplit(link.template_url).netloc
    known = (
        "one of stackwright's own, known by its hash"
        if template
        else "not known here: nothing vouches for it"
    )
    return f"{link.template_url}\n          from {host}; {known}"


def _notes(link: Link) -> Iterator[str]:
    yield "The link only fills in a form: every value can be changed before the stack is created."
    if link.parameters.get("FinishBase"):
        yield f"After creation it asks to finish at {link.parameters['FinishBase']}."
    if "EnrolmentId" in link.parameters:
        yield "It carries an enrolment: only whoever made the link can register the stack by it."


def _doubts(link: Link, template: Template | None, expected: str) -> Iterator[str]:
    try:
        check_template_url(link.template_url, region=link.region)
    except SpecError as error:
        yield f"{error.message} ({error.hint})"
    if not re.fullmatch(STACK_NAME, link.stack_name):
        yield f"CloudFormation takes no stack name {link.stack_name!r}"
    if template is None:
        yield (
            "the template is not known here: download it, read it, and pass it with --template"
            if expected
            else "the template's address carries no hash, so its content may change at any time"
        )
        return
    if template.sha256 != expected:
        yield f"the template's hash is {template.sha256[:12]}…, its address says {expected[:12] or 'none'}…"
    for name in link.parameters.keys() - template.parameters.keys():
        yield f"{name} is no parameter of the template: the console would ignore it"
    for name, pattern in _patterns(template):
        value = link.parameters.get(name, "")
        if value and not _fits(pattern, value):
            yield f"{name} does not fit the template's own rule {pattern}"


def _patterns(template: Template) -> Iterator[tuple[str, str]]:
    for name, parameter in template.parameters.items():
        if "AllowedPattern" in parameter:
            yield name, str(parameter["AllowedPattern"])


def _fits(pattern: str, value: str) -> bool:
    """CloudFormation's expressions are Java's: Unicode only where a class says so, and spelt differently.

    A pattern that Python cannot read, in a template of somebody else, fits nothing.
    """
    python = pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", BLANKS)
    try:
        return re.fullmatch(python, value, 0 if r"\p{" in pattern else re.ASCII) is not None
    except re.error:
        return False
