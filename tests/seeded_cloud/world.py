"""What there is in the seeded cloud: every resource follows from (seed, account, region, index) alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b

# On by default in every account.
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
)
OFF = "af-south-1"
GLOBAL = "global"
# Most of what a region can hold of a kind, where no size is given; most places hold nothing of most kinds.
MOST = {
    "repository": 3,
    "cluster": 2,
    "project": 2,
    "domain": 1,
    "model_group": 2,
    "queue": 2,
    "machine": 2,
    "secret": 2,
    "vpc": 1,
}
MOST_BUCKETS, MOST_ROLES = 8, 4
# The service of a scan's row for each kind of thing, and whether the thing is an ML role among others.
SERVICES = {
    "bucket": "s3",
    "repository": "ecr",
    "role": "iam",
    "cluster": "eks",
    "project": "codebuild",
    "domain": "sagemaker-domains",
    "model_group": "sagemaker-model-package-groups",
    "queue": "batch",
    "machine": "stepfunctions",
}


# Compared by identity, so that what follows from a world can be cached.
@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """`sizes` fixes how many of a kind each place holds, instead of a few by chance."""

    seed: str = "1"
    accounts: int = 3
    regions: tuple[str, ...] = REGIONS
    home: str = "us-east-1"
    sizes: Mapping[str, int] = field(default_factory=dict)

    def number(self, *parts: object) -> int:
        """A number that follows from the seed and the parts."""
        text = "/".join(map(str, (self.seed, *parts)))
        return int.from_bytes(blake2b(text.encode(), digest_size=6).digest())

    def account(self, index: int) -> str:
        # The index keeps two accounts apart, whatever the seed.
        return f"{100 + self.number('account', index) % 800}{index:09}"

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.account(index) for index in range(self.accounts))

    def count(self, kind: str, account: str, region: str) -> int:
        """How many things of a kind there are in a place; half of the places are empty."""
        if region not in self.regions:
            return 0
        if kind in self.sizes:
            return self.sizes[kind]
        drawn = self.number("count", kind, account, region)
        return 0 if drawn % 2 else 1 + drawn // 2 % MOST[kind]

    def name(self, kind: str, account: str, region: str, index: int) -> str:
        return f"{kind.replace('_', '-')}-{self.number(kind, account, region, index) % 0xFFFF:04x}-{index:05}"

    # Buckets and roles belong to an account

    def bucket_count(self, account: str) -> int:
        return self.sizes.get("bucket", self.number("buckets", account) % (MOST_BUCKETS + 1))

    def bucket(self, account: str, index: int) -> tuple[str, str]:
        """Name and region; names grow with the index, as S3 lists them."""
        region = self.regions[self.number("bucket", account, index) % len(self.regions)]
        return f"b{index:06}-{account}", region

    def bucket_has(self, name: str, what: str) -> bool:
        # A bucket with object lock keeps versions, whether anybody asked for them or not.
        locked = what == "versions" and self.bucket_has(name, "lock")
        return locked or bool(self.number("has", what, name) % 2)

    def role_count(self, account: str) -> int:
        return self.sizes.get("role", 1 + self.number("roles", account) % MOST_ROLES)

    def role(self, account: str, index: int) -> tuple[str, str]:
        """Name and the service that may assume it."""
        service = "sagemaker" if self.number("role", account, index) % 2 else "lambda"
        return f"role-{index:05}", f"{service}.amazonaws.com"

    def tags(self, arn: str) -> dict[str, str]:
        """A third of all things has no tags."""
        drawn = self.number("tags", arn) % 3
        return {f"key{n}": f"value{self.number('tag', arn, n) % 100}" for n in range(drawn)}

    # The truth

    def arns(self, service: str, account: str, region: str) -> frozenset[str]:
        """Everything that a scan has to find in a cell."""
        return frozenset(self._arns(service, account, region))

    def _arns(self, service: str, account: str, region: str) -> Iterator[str]:
        kind = next(k for k, named in SERVICES.items() if named == service)
        if kind == "bucket":
            names = by_region(self, account).get(region, ())
            yield from (f"arn:aws:s3:::{name}" for name in names)
        elif kind == "role":
            roles = (self.role(account, n) for n in range(self.role_count(account)))
            yield from (role_arn(account, name) for name, trusted in roles if trusted.startswith("sagemaker"))
        else:
            for index in range(self.count(kind, account, region)):
                yield arn(kind, account, region, self.name(kind, account, region, index))


@cache
def by_region(world: World, account: str) -> Mapping[str, tuple[str, ...]]:
    """Region -> names of the account's buckets."""
    found: dict[str, list[str]] = {}
    for index in range(world.bucket_count(account)):
        name, region = world.bucket(account, index)
        found.setdefault(region, []).append(name)
    return {region: tuple(names) for region, names in found.items()}


_ARNS = {
    "repository": "ecr:{0}:{1}:repository/{2}",
    "cluster": "eks:{0}:{1}:cluster/{2}",
    "project": "codebuild:{0}:{1}:project/{2}",
    "domain": "sagemaker:{0}:{1}:domain/d-{2}",
    "model_group": "sagemaker:{0}:{1}:model-package-group/{2}",
    "queue": "batch:{0}:{1}:job-queue/{2}",
    "machine": "states:{0}:{1}:stateMachine:{2}",
    "secret": "secretsmanager:{0}:{1}:secret:{2}",
}


def arn(kind: str, account: str, region: str, name: str) -> str:
    return "arn:aws:" + _ARNS[kind].format(region, account, name)


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"
