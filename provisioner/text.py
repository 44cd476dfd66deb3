"""Answers as plain text for a terminal; light enough to stand on the path of `plan` and `link`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill, indent
from typing import Any

from provisioner import printable

WIDTH = 100


def table(rows: Sequence[Sequence[str]], *, indent: int = 2, right: Iterable[int] = ()) -> str:
    """Rows as aligned columns, a line each; `right` names the columns that hold numbers."""
    if not rows:
        return ""
    flush = set(right)
    rows = [[printable.line(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            c.rjust(w) if n in flush else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((" " * indent + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def section(title: str, body: str) -> str:
    return f"{title}\n{body}\n" if body else ""


def usd(amount: float) -> str:
    """Dollars a month, with cents below a hundred."""
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"


def cost(estimate: Mapping[str, Any]) -> str:
    """The monthly band per component."""
    book, usage = estimate["price_book"], estimate["usage"]
    rows = [["", "idle", "low", "typical", "high"]]
    for component in estimate["components"]:
        rows.append([component["component"], *(usd(component[k]) for k in rows[0][1:])])
    rows.append(["total", *(usd(estimate["total"][k]) for k in rows[0][1:])])
    unknown = estimate["unknown"]
    notes = [
        f"USD per month in {estimate['region']}, usage profile {usage['profile']}, prices of {book['as_of']}."
        + (" The price book is old: compare before you rely on it." if book["stale"] else ""),
        *([f"{unknown} resources have no known price and are not in the total."] if unknown else []),
    ]
    return table(rows, right=range(1, 5)) + "\n" + "\n".join(f"  {note}" for note in notes)


def plan(answer: Mapping[str, Any]) -> str:
    """The plan panel: what, who may, how much, what to know."""
    spec = answer["spec"]
    head = f"{spec['name']} in {spec['region']}: " + ", ".join(
        f"{type_} {slot['flavor']}" for type_, slot in spec["components"].items()
    )
    parts = [
        head + "\n",
        section(f"Resources ({len(answer['resources'])})", _resources(answer["resources"])),
        section("Permissions", _permissions(answer["permissions"])),
        section("Who deploys", _deploying(answer.get("deploy_policy", {}))),
        section("Cost", cost(answer["cost"])),
        section("Findings", _findings(answer["findings"])),
        section("What others must add", _owners(answer.get("owner_policies", []))),
    ]
    blockers = answer["link_blockers"]
    last = "\n".join(f"  {b}" for b in blockers) if blockers else ""
    return "\n".join(
        [*(p for p in parts if p), *([section("No link can be made", last)] if last else [])]
    ).rstrip()


def _resources(resources: Sequence[Mapping[str, str]]) -> str:
    return table([[r["component"], r["action"], r["type"], r["logical_id"]] for r in resources])


def _permissions(rows: Sequence[Mapping[str, Any]]) -> str:
    """By component, each thing a role may do, once, after who may be that role; denials last."""
    lines: list[str] = []
    for component, carrier in dict.fromkeys((row["component"], row["role"]) for row in rows):
        own = [row for row in rows if (row["component"], row["role"]) == (component, carrier)]
        own.sort(key=lambda row: (not _is_trust(row), row["effect"] == "Deny"))
        lines += [f"  {component}: {carrier}", *dict.fromkeys(_permission(row) for row in own)]
    if any(line.endswith(" *") for line in lines):
        lines.append("  * wider than this stack's own resources; `plan --json` gives the reason")
    return "\n".join(lines)


def _is_trust(row: Mapping[str, Any]) -> bool:
    return any(action.startswith("sts:AssumeRole") for action in row["actions"])


def _permission(row: Mapping[str, Any]) -> str:
    if _is_trust(row):
        return _wrapped(f"    who: {row['words']}", 9)
    mark, star = ("!", "") if row["effect"] == "Deny" else ("-", " *" if row["reason"] else "")
    return _wrapped(f"    {mark} {row['words']}{star}", 6)


def _deploying(policy: Mapping[str, Any]) -> str:
    """What the rights to deploy amount to, and where to get them."""
    lines = [_wrapped(f"  {line}", 4) for line in policy.get("words", [])]
    where = "  `stackwright synth --policy` prints the policies to attach"
    return "\n".join([*lines, where]) if lines else ""


def _findings(findings: Sequence[Mapping[str, str]]) -> str:
    lines = []
    for finding in findings:
        lines.append(_wrapped(f"  {finding['severity']:<7} {finding['message']}", 10))
        if finding["fix"]:
            lines.append(_wrapped(f"          → {finding['fix']}", 12))
    return "\n".join(lines)


def _owners(policies: Sequence[Mapping[str, Any]]) -> str:
    """What no stack can do: statements for the policies of things that are another account's."""
    lines = []
    for row in policies:
        who = f"account {row['owner']}" if row["owner"] else "its owner"
        lines.append(_wrapped(f"  {row['component']}: {who} adds to the policy of {row['resource']}", 4))
        lines.append(indent(json.dumps(row["policy"], indent=2), "    "))
    return "\n".join(lines)


def _wrapped(text: str, indent: int) -> str:
    lead = len(text) - len(text.lstrip())
    return fill(
        text.strip(), WIDTH, initial_indent=" " * lead, subsequent_indent=" " * indent, break_long_words=False
    )
