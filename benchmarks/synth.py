"""Synthesis of a new shape, beside the same resources written by hand against aws-cdk-lib."""

import json
import sys
from pathlib import Path

from timing import in_turns, report, whole_process

ROOT = Path(__file__).parent.parent
SHAPE = ROOT / "provisioner" / "shapes" / "sagemaker.account.retain.json"
OURS = """
from provisioner import plan, spec, synth
shape = plan.make(spec.preset("sagemaker", name="bench", region="us-east-1")).shape
synth.synthesize(shape)
"""
# The same typed constructs with finished properties: no facts, statements or grants to think about.
BY_HAND = """
import json, sys, tempfile
import stacks
from aws_cdk import App, BootstraplessSynthesizer, CfnCondition, CfnOutput, CfnParameter, Fn, Stack
from aws_cdk import aws_ecr as ecr, aws_iam as iam, aws_s3 as s3
body = json.load(open(sys.argv[1]))
app = App(outdir=tempfile.mkdtemp(), analytics_reporting=False, builtin_cloud_formation_validation=False)
stack = Stack(app, "stack", synthesizer=BootstraplessSynthesizer())
for name, p in body["Parameters"].items():
    CfnParameter(stack, name, type=p["Type"], description=p["Description"], default=p.get("Default"),
                 allowed_pattern=p.get("AllowedPattern"))
for name, c in body["Conditions"].items():
    CfnCondition(stack, name, expression=Fn.condition_equals({"Ref": "Team"}, ""))
def role(name, p):
    return iam.CfnRole(stack, name, assume_role_policy_document=p["AssumeRolePolicyDocument"], policies=[
        iam.CfnRole.PolicyProperty(policy_name=x["PolicyName"], policy_document=x["PolicyDocument"])
        for x in p["Policies"]])
def bucket(name, p):
    return s3.CfnBucket(stack, name,
        versioning_configuration=s3.CfnBucket.VersioningConfigurationProperty(status="Enabled"),
        lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(rules=[
            s3.CfnBucket.RuleProperty(id=x["Id"], status="Enabled")
            for x in p["LifecycleConfiguration"]["Rules"]]))
MAKE = {
    "AWS::IAM::Role": role,
    "AWS::S3::Bucket": bucket,
    "AWS::IAM::RolePolicy": lambda n, p: iam.CfnRolePolicy(stack, n, policy_name=p["PolicyName"],
        role_name="r", policy_document=p["PolicyDocument"]),
    "AWS::S3::BucketPolicy": lambda n, p: s3.CfnBucketPolicy(stack, n, bucket="b",
        policy_document=p["PolicyDocument"]),
    "AWS::ECR::Repository": lambda n, p: ecr.CfnRepository(stack, n),
}
for name, r in body["Resources"].items():
    made = MAKE[r["Type"]](name, r["Properties"])
    if "Tags" in r["Properties"]:
        made.add_property_override("Tags", r["Properties"]["Tags"])
for name, o in body["Outputs"].items():
    CfnOutput(stack, name, value="x", description=o["Description"])
app.synth().get_stack_by_name("stack").template
"""


def main() -> None:
    json.loads(SHAPE.read_text())
    cases = {
        "by hand": lambda: whole_process([sys.executable, "-c", BY_HAND, str(SHAPE)]),
        "ours": lambda: whole_process([sys.executable, "-c", OURS]),
    }
    report("Synthesis of a new shape", in_turns(cases, runs=7), base="by hand", targets={"ours": "1.3 ×"})


if __name__ == "__main__":
    main()
