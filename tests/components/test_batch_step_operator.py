"""The Batch step operator's facts: what clients make is named after the stack, two roles go to Fargate."""

from provisioner.components.batch_step_operator import COMPONENT

BY_SID = {s.sid: s for s in COMPONENT.statements}


def test_clients_make_definitions_of_the_stacks_name_only() -> None:
    definition = "arn:{aws.partition}:batch:{aws.region}:{aws.account}:job-definition/{aws.stack_name}-*"
    assert BY_SID["BatchDefine"].resources == (definition,)
    assert BY_SID["BatchSubmit"].resources == ("{step_operator.queue_arn}", definition)


def test_its_roles_go_to_fargate_and_nowhere_else() -> None:
    assert BY_SID["BatchPassRoles"].conditions == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


def test_it_needs_a_network_and_zenml_has_no_such_flavor() -> None:
    assert (COMPONENT.network, COMPONENT.zenml_flavor, COMPONENT.reusable) == (True, "", False)
