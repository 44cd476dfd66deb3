"""Which of many resources are worth a closer look first."""

from collections.abc import Sequence

from provisioner.scan.row import Found

# Names that people give to what holds models, runs and their images.
_TELLING = ("stackwright", "zenml", "mlflow", "sagemaker", "artifact", "pipeline", "model", "train", "ml")
# Names of what other services keep for themselves.
_TAKEN = ("aws-", "cdk-", "cf-templates", "cloudtrail", "config-bucket", "log", "terraform", "tfstate")


def likeliest(found: Sequence[Found], most: int) -> tuple[Found, ...]:
    """The likeliest components, in the order given; alike ones by name: every scan takes the same."""
    chosen = {f.arn for f in sorted(found, key=rank)[:most]}
    return tuple(f for f in found if f.arn in chosen)


def rank(found: Found) -> tuple[int, str]:
    tags = " ".join(found.tags or ()).lower()
    name = found.name.lower()
    if "stackwright" in tags or "zenml" in tags:
        return (0, name)
    if any(name.startswith(word) or f"-{word}" in name for word in _TAKEN):
        return (3, name)
    return (1 if any(word in name for word in _TELLING) else 2, name)
