"""Connectors: one per way into an account, and nothing of a secret."""

from provisioner import connectors
from provisioner.connectors import Connector
from tests.registry.values import component, stack

ROLE = "arn:aws:iam::111122223333:role/churn-access"
PLAIN = {"type": "aws", "auth_method": "iam-role", "role_arn": ROLE, "trust": "account"}


def test_a_connector_says_who_may_use_it_and_what_it_opens() -> None:
    parts = [component(), component("churn.orchestrator", flavor="local", outputs={})]
    one = stack("churn", *parts, connector=PLAIN | {"external_id": "e" * 32})
    assert connectors.of_stacks([one], parts) == [
        Connector(
            name="churn-access",
            type="aws",
            auth_method="iam-role",
            trust="account",
            account="111122223333",
            role_arn=ROLE,
            external_id="e" * 32,
            secret_arn="",
            data_key="",
            stacks=("churn",),
            resources={"churn.artifact_store": "b"},
        )
    ]


def test_stacks_that_go_the_same_way_share_a_connector() -> None:
    stacks = [stack(name, connector=PLAIN) for name in ("b", "a")]
    assert [c.stacks for c in connectors.of_stacks(stacks, [])] == [("a", "b")]


def test_another_account_role_method_or_external_id_is_another_connector() -> None:
    others = [
        {},
        {"role_arn": "arn:aws:iam::111122223333:role/other"},
        {"auth_method": "secret-key"},
        {"external_id": "e" * 32},
    ]
    stacks = [stack(f"s{n}", connector=PLAIN | more) for n, more in enumerate(others)]
    stacks.append(stack("s9", account="444455556666", connector=PLAIN))
    assert {c.name: c.stacks for c in connectors.of_stacks(stacks, [])} == {
        "churn-access": ("s0",),
        "churn-access.111122223333": ("s3",),
        "churn-access.111122223333.2": ("s2",),
        "churn-access.444455556666": ("s9",),
        "other": ("s1",),
    }


def test_stacks_without_access_and_deleted_ones_have_no_connector() -> None:
    gone = stack("gone", connector=PLAIN, status="deleted")
    assert connectors.of_stacks([stack("found", connector={}), gone], []) == []


def test_what_a_mapping_should_not_hold_is_not_shown() -> None:
    planted = stack(connector=PLAIN | {"secret_key": "PLANTED", "secret_arn": "arn:aws:s"})
    (shown,) = connectors.of_stacks([planted], [])
    assert (shown.secret_arn, "PLANTED" in str(shown.as_dict())) == ("arn:aws:s", False)
