"""CDK entry: a shape or a `stack.yaml` to an App; what `cdk.json` runs and `synth` calls."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.plan import Shape
from stacks.mlops_stack import MlopsStack


def build(shape: Shape) -> Mapping[str, Any]:
    """The CloudFormation template of a shape, as plain values."""
    with tempfile.TemporaryDirectory(prefix="stackwright-") as folder:
        app = _app(folder)
        MlopsStack(app, "stack", shape=shape)
        template: Mapping[str, Any] = app.synth().get_stack_by_name("stack").template
        return template


def _app(folder: str | None = None) -> App:
    """An App whose template carries nothing but itself.

    The CDK's own validation is off: it costs ten seconds, and takes an optional parameter's empty default
    for the value of a property that its condition leaves out. cfn-lint checks every template in the tests.
    """
    return App(
        outdir=folder,
        analytics_reporting=False,
        builtin_cloud_formation_validation=False,
        context={"aws:cdk:enable-path-metadata": False},
    )


def main() -> None:
    """`cdk synth` and `cdk deploy`: the spec is `stack.yaml` here, or the file that `-c spec=FILE` names."""
    app = _app()
    path = Path(str(app.node.try_get_context("spec") or "stack.yaml"))
    spec = specs.read(path.read_text()) if path.exists() else _default_spec()
    plan = plans.make(spec)
    MlopsStack(
        app,
        spec.name,
        shape=plan.shape,
        defaults=plan.parameters,
        tags=plan.stamped_tags,
    )
    app.synth()


def _default_spec() -> specs.Spec:
    return specs.preset(specs.DEFAULT_PRESET, name="mlops", region="us-east-1")


if __name__ == "__main__":
    main()
