"""Engine: gives a stack's cluster what pipelines need, by rights that are taken back when it is done."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from provisioner import arn, kubernetes
from provisioner.errors import CheckError, RefusedError
from provisioner.kubernetes import Finding, Target

if TYPE_CHECKING:
    from provisioner.aws.clusters import Cluster, Clusters, Entry
    from provisioner.aws.kubernetes import Api
    from provisioner.registry import RegisteredComponent, RegisteredStack

Tell = Callable[[str], None]
# The caller's own rights on the cluster are enough, are left over from a run that was killed, or are missing.
Rights = Literal["own", "left over", "missing"]
_CONFIG_MAP = "CONFIG_MAP"
_DENIED = ("AccessDenied", "AccessDeniedException")


@dataclass(frozen=True, kw_only=True)
class Doors:
    """The clusters of the caller's account and their APIs; `pauses` stand between two tries."""

    caller_arn: str
    clusters: "Clusters"
    open_api: "Callable[[Cluster], Api]"
    pauses: Sequence[Callable[[], None]] = ()


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What applying would do to one cluster: the plan that is printed before anything is done."""

    target: Target
    cluster: "Cluster"
    principal: str
    rights: Rights
    findings: tuple[Finding, ...]

    @property
    def is_done(self) -> bool:
        return self.rights == "own" and not kubernetes.needed(self.findings)

    @property
    def words(self) -> list[str]:
        """Every change, in the order in which it is made."""
        lent = f"{self.principal} administration of cluster {self.cluster.name}"
        before = [f"give {lent}, for as long as this takes"] if self.rights == "missing" else []
        after = [] if self.rights == "own" else [f"take back from {lent}"]
        return [*before, *(f.words for f in kubernetes.needed(self.findings)), *after]


def targets_of(components: "Mapping[str, RegisteredComponent]") -> list[Target]:
    return kubernetes.targets({type_: (c.flavor, c.outputs) for type_, c in components.items()})


def check_account(stack: "RegisteredStack", caller_arn: str) -> None:
    """Only the cluster's own account can open it; raises CheckError."""
    account = arn.parse(caller_arn).account
    if account != stack.account:
        raise CheckError(
            f"the cluster of {stack.name} is in account {stack.account}, these credentials are of {account}",
            hint=f"with credentials of account {stack.account}: `stackwright finish {stack.name}`",
        )


def look(target: Target, doors: Doors) -> Outlook:
    """What is there and what is missing, changing nothing; raises RefusedError, CheckError."""
    cluster = doors.clusters.describe(target.cluster)
    principal = doors.clusters.principal(doors.caller_arn)
    entry = _entry(doors.clusters, cluster.name, principal)
    api = doors.open_api(cluster)
    if entry and entry.is_admin and not entry.lent:
        # A right of the caller's own may be new; lending it again would end in taking it away.
        _settle(api, target, principal, doors.pauses)
    may = _may(api, target)
    if not may and cluster.authentication == _CONFIG_MAP:
        raise CheckError(
            f"cluster {cluster.name} takes no access entries, and does not let {principal} in",
            hint=f"`aws eks update-cluster-config --name {cluster.name} --access-config "
            "authenticationMode=API_AND_CONFIG_MAP`, or run this as one of its administrators",
        )
    return Outlook(
        target=target,
        cluster=cluster,
        principal=principal,
        rights="missing" if not may else "left over" if entry and entry.lent else "own",
        findings=tuple(_compared(api, target) if may else _unseen(target)),
    )


def apply(outlook: Outlook, *, doors: Doors, tell: Tell) -> None:
    """Does what the outlook says; killed at any point, the next run goes on and takes the rights back."""
    with _admitted(outlook, doors, tell):
        api = doors.open_api(outlook.cluster)
        _settle(api, outlook.target, outlook.principal, doors.pauses)
        findings = list(_compared(api, outlook.target))
        _check_staying(findings)
        for finding in kubernetes.needed(findings):
            tell(finding.words)
            _make_so(api, finding.step)


def _make_so(api: "Api", step: kubernetes.Step) -> None:
    if step.method == "DELETE":
        api.delete(step.path)
        return
    made = kubernetes.compare(step, api.apply(step.path, step.body))
    if made.state != "same":
        raise RefusedError(
            f"something in the cluster changes {step.path} while it is made: {', '.join(made.paths)}",
            hint="look for a mutating admission webhook",
            code="Changed",
        )


@contextmanager
def _admitted(outlook: Outlook, doors: Doors, tell: Tell) -> Iterator[None]:
    """Rights for the time of the block; what is lent stands in AWS, so that any later run finds it."""
    if outlook.rights == "own":
        yield
        return
    try:
        if outlook.rights == "missing":
            tell(outlook.words[0])
            _lend(outlook, doors.clusters)
        yield
    except BaseException as error:
        _take_back(outlook, doors.clusters, tell, after=error)
        raise
    _take_back(outlook, doors.clusters, tell)


def _lend(outlook: Outlook, clusters: "Clusters") -> None:
    """The mark comes before the right, so that whoever finds the right also finds that it is lent."""
    name, principal = outlook.cluster.name, outlook.principal
    try:
        entry = clusters.entry(name, principal)
        if entry is None:
            clusters.enter(name, principal)
        elif not entry.lent:
            clusters.mark(entry)
        clusters.grant(name, principal)
    except RefusedError as error:
        raise RefusedError(
            f"{principal} does not administer cluster {name} and cannot give itself the right: "
            + error.message,
            hint="run this as the stack's admin_principal, or as somebody who may call "
            "eks:CreateAccessEntry, AssociateAccessPolicy and DeleteAccessEntry on the cluster",
            code=error.code,
        ) from error


def _take_back(
    outlook: Outlook, clusters: "Clusters", tell: Tell, after: BaseException | None = None
) -> None:
    """Whatever the mark says is lent; a failure here is told before the one that led to it."""
    name, principal = outlook.cluster.name, outlook.principal
    try:
        entry = clusters.entry(name, principal)
        if entry is None or not entry.lent:
            return
        tell(f"take back from {principal} administration of cluster {name}")
        if entry.lent == "entry":
            clusters.remove(name, principal)
        else:
            clusters.revoke(name, principal)
            clusters.unmark(entry)
    except RefusedError as error:
        first = f"; before that: {after}" if after else ""
        raise RefusedError(
            f"{principal} still administers cluster {name}, which could not be taken back: "
            f"{error.message}{first}",
            hint="the same command takes it back; so does `aws eks delete-access-entry "
            f"--cluster-name {name} --principal-arn {principal}`",
            code=error.code,
        ) from error


def _entry(clusters: "Clusters", cluster: str, principal: str) -> "Entry | None":
    """Who may not look at access entries did not make one either."""
    try:
        return clusters.entry(cluster, principal)
    except RefusedError as error:
        if error.code in _DENIED:
            return None
        raise


def _may(api: "Api", target: Target) -> bool:
    """Whether the cluster lets the caller do all of it."""
    try:
        return all(api.allows(right) for step in target.steps for right in kubernetes.reviews(step))
    except RefusedError as error:
        if error.code in ("Unauthorized", "Forbidden"):
            return False
        raise


def _settle(api: "Api", target: Target, principal: str, pauses: Sequence[Callable[[], None]]) -> None:
    """A right that was just given comes into force some seconds later."""
    for pause in pauses:
        if _may(api, target):
            return
        pause()
    if not _may(api, target):
        raise RefusedError(
            f"cluster {target.cluster} does not let {principal} do this yet",
            hint="run the same command again in a minute",
            code="Unauthorized",
        )


def _compared(api: "Api", target: Target) -> Iterator[Finding]:
    return (kubernetes.compare(step, api.get(step.path)) for step in target.steps)


def _unseen(target: Target) -> Iterator[Finding]:
    return (Finding(step=step, state="unknown") for step in target.steps)


def _check_staying(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.state == "leaving":
            raise CheckError(
                f"{finding.step.path} is being deleted",
                hint="run the same command again when it is gone",
            )
