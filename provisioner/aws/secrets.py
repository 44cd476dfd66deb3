"""Door to Secrets Manager: the access key of a stack whose trust is `access_key`, read where it is needed."""

import json

from provisioner.aws.session import Client
from provisioner.errors import RefusedError


def access_key(client: Client, secret_arn: str) -> tuple[str, str]:
    """Key id and secret key, as the template wrote them; raises RefusedError, never with the value."""
    text = client.get_secret_value(SecretId=secret_arn)["SecretString"]
    try:
        held = json.loads(text)
        return str(held["aws_access_key_id"]), str(held["aws_secret_access_key"])
    except (ValueError, KeyError, TypeError):
        raise RefusedError(
            f"{secret_arn} holds no access key of stackwright's",
            hint="the stack makes it anew when its user's key is replaced: `stackwright deploy`",
            code="Unreadable",
        ) from None
