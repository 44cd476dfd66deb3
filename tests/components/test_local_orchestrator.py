"""The local orchestrator's facts: nothing is built, reused or configured."""

from provisioner import arn
from provisioner.components.local_orchestrator import COMPONENT


def test_nothing_is_promised_granted_or_configured() -> None:
    assert COMPONENT.outputs_of(arn.parse("arn:aws:s3:::x")) == {}
    assert COMPONENT.register_config({"artifact_store": {"bucket_name": "b"}}) == {}
    assert (COMPONENT.statements, COMPONENT.resource_types, COMPONENT.options) == ((), (), ())


def test_nothing_can_be_reused() -> None:
    assert not COMPONENT.reusable
    assert not COMPONENT.fits_arn("")
    assert not COMPONENT.fits_arn("arn:aws:iam::111122223333:role/ml")
