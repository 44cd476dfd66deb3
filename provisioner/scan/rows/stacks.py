"""CloudFormation stacks that hold an MLOps stack already: ours by their tag, ZenML's by their parameters."""

from provisioner.access import TAG_ENROLMENT, TAG_STACK
from provisioner.scan.row import Found, Item, Place, Row

_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def _stack(item: Item, place: Place) -> Found | None:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
    maker = _maker(item, tags)
    if not maker:
        return None
    return Found(
        arn=item["StackId"],
        account=place.account,
        region=place.region,
        kind="stack",
        name=item["StackName"],
        # Parameters and outputs of others may hold keys: only their names are looked at.
        attributes={
            "maker": maker,
            "complete": item["StackStatus"] in _DONE,
            "status": item["StackStatus"],
            "outputs": sorted(o["OutputKey"] for o in item.get("Outputs", ())),
            "keyless": not any("AccessKey" in o["OutputKey"] for o in item.get("Outputs", ())),
        },
        tags=tags,
    )


def _maker(item: Item, tags: dict[str, str]) -> str:
    if TAG_STACK in tags or TAG_ENROLMENT in tags:
        return "stackwright"
    names = [p["ParameterKey"] for p in item.get("Parameters", ())]
    # The template behind ZenML's own button asks for the server to register with.
    return "zenml" if any(name.startswith("ZenML") for name in names) else ""


ROW = Row(
    service="cloudformation",
    kind="stack",
    scope="regional",
    call="describe_stacks",
    key="Stacks",
    permission="cloudformation:DescribeStacks",
    # Asked for no stack by name, DescribeStacks is held against the right to list them, too.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    also_needs=("cloudformation:ListStacks",),
    shape=_stack,
    words="CloudFormation stacks that stackwright or ZenML made",
)
