"""What each row makes of an item, and the policy that reading it needs."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import botocore.session
import pytest

from provisioner.scan.row import TAGGING
from provisioner.scan.table import ROWS, Found, Place, Row

ROW = {row.service: row for row in ROWS}
FRANKFURT = Place(account="111122223333", region="eu-central-1", partition="aws")
NOWHERE = Place(account="111122223333", region="global", partition="aws")
CHINA = Place(account="111122223333", region="global", partition="aws-cn")
SAGEMAKER = {"Service": "sagemaker.amazonaws.com"}


def let_in(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": SAGEMAKER, "Action": "sts:AssumeRole", **more}


def deny(**more: Any) -> dict[str, Any]:
    return let_in(Effect="Deny", **more)


def only_if(operator: str, key: str, value: object) -> dict[str, Any]:
    return let_in(Condition={operator: {key: value}})


def role(*statements: Mapping[str, Any], policies: tuple[str, ...] = (), path: str = "/") -> Found | None:
    return ROW["iam"].shape(
        {
            "Path": path,
            "RoleName": "ml",
            "Arn": f"arn:aws:iam::111122223333:role{path}ml",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
            "AttachedManagedPolicies": [
                {"PolicyName": name, "PolicyArn": f"arn:aws:iam::aws:policy/{name}"} for name in policies
            ],
            "Tags": [{"Key": "team", "Value": "churn"}],
        },
        NOWHERE,
    )


def facts(found: Found | None) -> Mapping[str, object]:
    assert found is not None
    return found.attributes


def repository(**more: Any) -> Found | None:
    item = {
        "repositoryArn": "arn:aws:ecr:eu-central-1:111122223333:repository/ml/churn",
        "repositoryName": "ml/churn",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
    }
    return ROW["ecr"].shape(item | more, FRANKFURT)


def test_a_bucket_has_the_region_that_its_listing_tells() -> None:
    assert ROW["s3"].shape({"Name": "churn", "BucketRegion": "eu-west-1"}, NOWHERE) == Found(
        arn="arn:aws:s3:::churn", account="111122223333", region="eu-west-1", kind="bucket", name="churn"
    )


def test_a_bucket_in_china_has_an_arn_of_that_partition() -> None:
    bucket = ROW["s3"].shape({"Name": "churn"}, CHINA)
    assert bucket and (bucket.arn, bucket.region) == ("arn:aws-cn:s3:::churn", "")


def test_a_repository_keeps_the_slashes_of_its_name() -> None:
    assert repository() == Found(
        arn="arn:aws:ecr:eu-central-1:111122223333:repository/ml/churn",
        account="111122223333",
        region="eu-central-1",
        kind="repository",
        name="ml/churn",
        attributes={"tags_can_move": True, "scanned_on_push": True},
    )


@pytest.mark.parametrize(
    ("mutability", "filters", "movable"),
    [
        ("MUTABLE", [], True),
        ("IMMUTABLE", [], False),
        ("IMMUTABLE_WITH_EXCLUSION", ["*-step"], True),
        ("IMMUTABLE_WITH_EXCLUSION", [], False),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], True),
        ("MUTABLE_WITH_EXCLUSION", ["*"], False),
    ],
)
def test_tags_can_move_where_the_repository_lets_them(
    mutability: str, filters: list[str], movable: bool
) -> None:
    exclusions = [{"filterType": "WILDCARD", "filter": text} for text in filters]
    found = repository(imageTagMutability=mutability, imageTagMutabilityExclusionFilters=exclusions)
    assert facts(found)["tags_can_move"] is movable


def test_what_a_repository_does_not_tell_stays_unknown() -> None:
    assert facts(repository(imageTagMutability="NEW_IN_2030", imageScanningConfiguration={})) == {}


def test_a_role_is_found_with_trust_policies_and_tags() -> None:
    assert role(let_in()) == Found(
        arn="arn:aws:iam::111122223333:role/ml",
        account="111122223333",
        region="global",
        kind="role",
        name="ml",
        attributes={
            "trusts_sagemaker": True,
            "guarded_trust": False,
            "no_full_access": True,
            "inline": [],
            "attached": [],
            "boundary": "",
        },
        tags={"team": "churn"},
    )


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [let_in(Principal={"Service": "lambda.amazonaws.com"})],
        [let_in(Principal={"AWS": "arn:aws:iam::111122223333:root"})],
        [let_in(Principal="*")],
        [let_in(Action="sts:TagSession")],
        [deny()],
        [let_in(), deny()],
    ],
)
def test_a_role_that_sagemaker_may_not_assume_is_no_candidate(statements: list[dict[str, Any]]) -> None:
    assert role(*statements) is None


@pytest.mark.parametrize(
    "statement",
    [
        let_in(Principal={"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]}),
        let_in(Action=["sts:TagSession", "sts:Assume*"]),
        let_in(Action="*"),
    ],
)
def test_a_role_may_let_sagemaker_in_among_others(statement: dict[str, Any]) -> None:
    assert facts(role(statement))["trusts_sagemaker"] is True


def test_a_denial_under_a_condition_leaves_the_trust() -> None:
    narrow = deny(Condition={"StringNotEquals": {"aws:SourceAccount": "111122223333"}})
    assert facts(role(let_in(), narrow))["trusts_sagemaker"] is True


def test_sagemakers_own_service_linked_role_is_no_candidate() -> None:
    assert role(let_in(), path="/aws-service-role/sagemaker.amazonaws.com/") is None


@pytest.mark.parametrize(
    ("statement", "guarded"),
    [
        (let_in(), False),
        (only_if("StringEquals", "aws:SourceAccount", "111122223333"), True),
        (only_if("StringEquals", "AWS:sourceaccount", ["111122223333"]), True),
        (only_if("ArnLike", "aws:SourceArn", "arn:aws:sagemaker:*:111122223333:*"), True),
        (only_if("ArnLike", "aws:SourceArn", "arn:aws:sagemaker:*:*:*"), False),
        (only_if("StringEquals", "aws:SourceAccount", ["111122223333", "999999999999"]), False),
        (only_if("StringLike", "aws:SourceAccount", "*"), False),
        (only_if("StringEqualsIfExists", "aws:SourceAccount", "111122223333"), False),
        (only_if("StringNotEquals", "aws:SourceAccount", "111122223333"), False),
        (only_if("StringEquals", "sts:ExternalId", "111122223333"), False),
    ],
)
def test_a_trust_is_guarded_by_the_roles_own_account(statement: dict[str, Any], guarded: bool) -> None:
    assert facts(role(statement))["guarded_trust"] is guarded


def test_one_open_statement_undoes_the_guard_of_another() -> None:
    closed = only_if("StringEquals", "aws:SourceAccount", "111122223333")
    assert facts(role(closed, let_in()))["guarded_trust"] is False


def test_a_trust_document_may_come_percent_encoded() -> None:
    text = quote(json.dumps({"Statement": let_in()}))
    item = {"AssumeRolePolicyDocument": text, "Path": "/", "Arn": "arn:aws:iam::111122223333:role/ml"}
    found = ROW["iam"].shape(item | {"RoleName": "ml", "AttachedManagedPolicies": []}, NOWHERE)
    assert facts(found)["trusts_sagemaker"] is True


@pytest.mark.parametrize("name", ["AmazonSageMakerFullAccess", "AmazonS3FullAccess", "AdministratorAccess"])
def test_an_all_embracing_policy_is_seen(name: str) -> None:
    assert facts(role(let_in(), policies=("ReadOnlyAccess", name)))["no_full_access"] is False


def test_found_knows_its_component_types() -> None:
    found = role(let_in())
    assert found and found.component_types == ("orchestrator", "step_operator", "model_deployer")


def test_unknown_tags_are_told_from_none_at_all() -> None:
    found = repository()
    assert found and found.as_dict() == {
        "arn": "arn:aws:ecr:eu-central-1:111122223333:repository/ml/churn",
        "account": "111122223333",
        "region": "eu-central-1",
        "kind": "repository",
        "name": "ml/churn",
        "component_types": ["container_registry"],
        "tags": {},
        "tags_known": False,
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.service)
def test_every_service_that_a_row_asks_is_one_of_the_sdk(row: Row) -> None:
    assert {row.api, *row.apis} <= {*botocore.session.get_session().get_available_services()}
    assert [*row.apis[1:]] == [d.service for d in row.account_details] + [TAGGING] * bool(row.tagged_as)
