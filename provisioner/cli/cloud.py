"""Doors of one account and region, opened for the verbs that call AWS."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from provisioner import arn, bootstrap, destroy, proof
from provisioner.aws.buckets import Buckets
from provisioner.aws.cloudformation import Stacks
from provisioner.aws.clusters import Cluster, Clusters
from provisioner.aws.images import Images
from provisioner.aws.kubernetes import Api
from provisioner.aws.roles import Roles
from provisioner.aws.session import Session
from provisioner.cli.options import clock, open_registry, open_session
from provisioner.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One account, one region, and the registry."""

    session: Session

    @cached_property
    def identity(self) -> Mapping[str, str]:
        return self.session.identity()

    @property
    def account(self) -> str:
        return self.identity["account"]

    @cached_property
    def registry(self) -> Registry:
        return open_registry()

    @cached_property
    def stacks(self) -> Stacks:
        return Stacks(self.session.client("cloudformation"))

    @cached_property
    def roles(self) -> Roles:
        return Roles(self.session.client("iam"), self.session.client("sts"))

    @cached_property
    def buckets(self) -> Buckets:
        return Buckets(self.session.client("s3"), account=self.account, region=self.session.region)

    @cached_property
    def images(self) -> Images:
        return Images(self.session.client("ecr"), account=self.account)

    @cached_property
    def clusters(self) -> Clusters:
        client = self.session.client
        return Clusters(client("eks"), client("iam"), client("sts"))

    def open_api(self, cluster: Cluster) -> Api:
        """A cluster's Kubernetes API, as this caller."""
        return Api(cluster, partial(self.clusters.token, cluster.name))

    def name_of(self, given: str) -> str:
        """The name that the registry has for a stack's ARN; any other name as it is."""
        return next((s.name for s in self.registry.stacks() if given and s.stack_id == given), given)

    def for_proof(self) -> proof.Doors:
        return proof.Doors(
            caller_account=self.account,
            caller_arn=self.identity["arn"],
            stacks=self.stacks,
            roles=self.roles,
            as_session=self._as_session,
            pauses=pauses(),
        )

    def for_bootstrap(self) -> bootstrap.Doors:
        return bootstrap.Doors(
            caller_arn=self.identity["arn"],
            clusters=self.clusters,
            open_api=self.open_api,
            pauses=pauses(),
        )

    def for_destroy(self) -> destroy.Doors:
        return destroy.Doors(
            stacks=self.stacks, buckets=self.buckets, images=self.images, registry=self.registry
        )

    def through(self, credentials: Mapping[str, str]) -> "Cloud":
        """The same region with the credentials of a session."""
        return Cloud(session=Session(self.session.region, credentials=credentials))

    def _as_session(self, credentials: Mapping[str, str]) -> tuple[str, Stacks, Roles]:
        session = self.through(credentials)
        return session.account, session.stacks, session.roles


def pauses() -> list[Callable[[], None]]:
    """Half a minute by default: as long as a new role may take until it is known everywhere."""
    interval = clock().interval
    return [partial(time.sleep, interval * factor) for factor in (1, 2, 4, 8)]


def open_cloud(region: str, profile: str) -> Cloud:
    return Cloud(session=open_session(region, profile))


def open_cloud_of(name: str, region: str, profile: str, *, foreign: bool = False) -> Cloud:
    """The doors of where a stack is; raises CheckError where a registered one is elsewhere, or another's.

    `foreign` is for a verb that may reach another account through the stack's own role.
    """
    cloud = open_cloud(region_of(name, region), profile)
    known = cloud.registry.usable(cloud.name_of(name))
    if known:
        account = known.account if foreign else cloud.account
        proof.check_place(known, account=account, region=cloud.session.region)
    return cloud


def region_of(name: str, given: str) -> str:
    """The region given, else the one the registry knows a stack or a link of this name in."""
    if given:
        return given
    if name.startswith("arn:"):
        return arn.parse(name).region
    registry = open_registry()
    known = registry.stack(name)
    opened = registry.enrolments_of(name)
    return known.region if known else opened[0].region if opened else ""
