"""Local image builder: images are built where pipelines are started, nothing is built by the template."""

from provisioner.component import Component

COMPONENT = Component(
    name="local_image_builder",
    type="image_builder",
    flavor="local",
    words="images are built by Docker on the machine that starts pipelines; nothing is built",
    zenml_flavor="local",
)
