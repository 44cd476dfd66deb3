"""Local orchestrator: pipelines run where they are started, nothing is built."""

from provisioner.component import Component

COMPONENT = Component(
    name="local_orchestrator",
    type="orchestrator",
    flavor="local",
    words="pipelines run on the machine that starts them; nothing is built",
    zenml_flavor="local",
)
