"""The local image builder: nothing is built, nothing is granted, ZenML knows the flavor."""

from provisioner.components.local_image_builder import COMPONENT


def test_it_builds_grants_and_configures_nothing() -> None:
    assert COMPONENT.resource_types == COMPONENT.statements == COMPONENT.options == ()
    assert COMPONENT.register_config({}) == {}
    assert (COMPONENT.zenml_flavor, COMPONENT.reusable) == ("local", False)
