"""Where jobs run besides SageMaker and EKS: Batch queues, Step Functions, App Runner."""

from provisioner.scan.row import Found, Item, Place, Row, paged


def _queue(item: Item, place: Place) -> Found:
    return Found(
        arn=item["jobQueueArn"],
        account=place.account,
        region=place.region,
        kind="job_queue",
        name=item["jobQueueName"],
        attributes={
            "enabled": item["state"] == "ENABLED",
            "valid": item.get("status", "VALID") == "VALID",
            "environments": len(item.get("computeEnvironmentOrder", ())),
        },
        tags=item.get("tags", {}),
    )


QUEUES = Row(
    service="batch",
    kind="job_queue",
    scope="regional",
    call="describe_job_queues",
    key="jobQueues",
    permission="batch:DescribeJobQueues",
    shape=_queue,
    words="AWS Batch job queues and whether they take jobs",
    arguments=paged(100),
)


def _machine(item: Item, place: Place) -> Found:
    return Found(
        arn=item["stateMachineArn"],
        account=place.account,
        region=place.region,
        kind="state_machine",
        name=item["name"],
        attributes={"standard": item["type"] == "STANDARD"},
    )


MACHINES = Row(
    service="stepfunctions",
    kind="state_machine",
    scope="regional",
    call="list_state_machines",
    key="stateMachines",
    permission="states:ListStateMachines",
    shape=_machine,
    words="Step Functions state machines",
    arguments=paged(1000),
    tagged_as="states:stateMachine",
)


def _service(item: Item, place: Place) -> Found:
    return Found(
        arn=item["ServiceArn"],
        account=place.account,
        region=place.region,
        kind="app_service",
        name=item["ServiceName"],
        attributes={"running": item["Status"] == "RUNNING"},
    )


SERVICES = Row(
    service="apprunner",
    kind="app_service",
    scope="regional",
    call="list_services",
    key="ServiceSummaryList",
    permission="apprunner:ListServices",
    shape=_service,
    words="App Runner services; the service takes no new customers since 2026-04-30",
    arguments={"MaxResults": 20},
    # An account that never used it before it closed may be told so instead of getting an empty list.
    # https://docs.aws.amazon.com/apprunner/latest/dg/apprunner-availability-change.html
    states=dict.fromkeys(
        ("not open to new customers", "no longer open to new customers", "not available to new customers"),
        "not_enabled",
    ),
    tagged_as="apprunner:service",
)
