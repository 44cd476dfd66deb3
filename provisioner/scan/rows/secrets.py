"""Secrets that a connector keeps in Secrets Manager: names and tags, never a value."""

from provisioner.scan.row import Found, Item, Place, Row, paged

# Who keeps what a stack needs there: ourselves, ZenML's secrets store, MLflow.
_OWNERS = ("stackwright", "zenml", "mlflow")


def _secret(item: Item, place: Place) -> Found | None:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
    owner = _owner(item["Name"], tags)
    if not owner:
        return None
    return Found(
        arn=item["ARN"],
        account=place.account,
        region=place.region,
        kind="secret",
        name=item["Name"],
        attributes={
            "owner": owner,
            "own_key": bool(item.get("KmsKeyId")),
            "rotated": bool(item.get("RotationEnabled")),
            "kept": "DeletedDate" not in item,
        },
        tags=tags,
    )


def _owner(name: str, tags: dict[str, str]) -> str:
    """Whose secret it is by its name or the keys of its tags; of others' nothing is told."""
    words = (name.lower(), *(key.lower() for key in tags))
    return next((owner for owner in _OWNERS if any(w.startswith(owner) for w in words)), "")


ROW = Row(
    service="secretsmanager",
    kind="secret",
    scope="regional",
    call="list_secrets",
    key="SecretList",
    permission="secretsmanager:ListSecrets",
    shape=_secret,
    words="secrets of connectors, by name and tags; ListSecrets never shows a value",
    arguments=paged(100),
)
