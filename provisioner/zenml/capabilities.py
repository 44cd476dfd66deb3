"""What a ZenML server of a version can do: one table, read from its code and tried on real servers."""

import re
from dataclasses import dataclass

from provisioner.errors import CheckError

Version = tuple[int, int, int]
# The oldest that was tried; the newest is no limit, what it answers is checked anyway.
OLDEST: Version = (0, 70, 0)
TRIED = ("0.70.0", "0.85.0", "0.98.0")


@dataclass(frozen=True, kw_only=True)
class Feature:
    """Something that servers learnt; `needed` is what registration cannot do without."""

    id: str
    since: Version
    words: str
    needed: bool = False


# Looked up in the server's own code of 0.50, 0.58, 0.66, 0.75, 0.80 and 0.82, on 2026-11-22; `since` is
# the oldest of these, and of those tried, that has it.
FEATURES = (
    Feature(id="api_keys", since=(0, 50, 0), words="service accounts with API keys", needed=True),
    Feature(
        id="stack_labels",
        since=(0, 66, 0),
        words="labels on stacks, by which a stack is known to be ours",
        needed=True,
    ),
    Feature(id="aws_image_builder", since=(0, 75, 0), words="the image builder of AWS CodeBuild"),
    Feature(id="projects", since=(0, 80, 0), words="stacks outside workspaces, and projects"),
    Feature(id="full_stack", since=(0, 80, 0), words="a stack with new components in one call"),
    Feature(id="stack_description", since=(0, 80, 0), words="a description of a stack"),
    Feature(id="idempotency", since=(0, 85, 0), words="a repeated request is answered as the first was"),
)


def parse(text: str) -> Version:
    """`0.98.0` and `0.98.0.dev1` as numbers; raises CheckError for what is no version."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", text)
    if not found:
        raise CheckError(f"the server calls its version {text[:40]!r}", hint="is it a ZenML server?")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def missing(version: str) -> tuple[Feature, ...]:
    """What a server of this version lacks, of what newer ones have."""
    known = parse(version)
    return tuple(f for f in FEATURES if f.since > known)


def has(version: str, feature: str) -> bool:
    return all(f.id != feature for f in missing(version))


def check(version: str) -> None:
    """Raises CheckError for a server that is too old, and says what it lacks."""
    if parse(version) >= OLDEST:
        return
    lacks = "; ".join(f.words for f in missing(version)) or "nothing that is known, but nobody tried"
    oldest = ".".join(str(n) for n in OLDEST[:2])
    raise CheckError(
        f"the ZenML server is {version}, and {oldest} is the oldest that stackwright registers into",
        hint=f"update the server; it lacks: {lacks}",
        field="register.url",
    )
