"""Keys and secrets."""

from __future__ import annotations

from collections.abc import Mapping

from cost_estimates.rules.rule import Charge, Charges, Meter, Rule, Situation, fixed
from cost_estimates.template import Resource

KMS_KEY = Meter("KMS", "key-month")
KMS_REQUEST = Meter("KMS", "request")
KMS_REQUEST_RSA_2048 = Meter("KMS", "request-rsa2048")
KMS_REQUEST_ASYMMETRIC = Meter("KMS", "request-asymmetric-other")
SECRET = Meter("SecretsManager", "secret-month")
SECRET_REQUEST = Meter("SecretsManager", "api-request")
SYMMETRIC = ("SYMMETRIC_DEFAULT", "HMAC_")


def key(key: Resource, situation: Situation) -> Charges:
    spec = key.read_text("KeySpec", "SYMMETRIC_DEFAULT")
    return (Charge(meter=KMS_KEY), Charge(meter=_request(spec), per="kms_requests"))


RULES: Mapping[str, Rule] = {
    "AWS::KMS::Key": Rule(words="a month of the key, and its requests", charges=key),
    "AWS::KMS::ReplicaKey": Rule(words="a month of the key, and its requests", charges=key),
    "AWS::SecretsManager::Secret": Rule(
        words="a month of the secret, and its requests",
        charges=fixed(Charge(meter=SECRET), Charge(meter=SECRET_REQUEST, per="secretsmanager_requests")),
    ),
}


def _request(spec: str) -> Meter:
    if spec.startswith(SYMMETRIC):
        return KMS_REQUEST
    return KMS_REQUEST_RSA_2048 if spec == "RSA_2048" else KMS_REQUEST_ASYMMETRIC
