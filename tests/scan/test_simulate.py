"""What policies allow is told honestly: yes, no, or could not tell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from provisioner.scan.simulate import UNKNOWN, Need, _overlap, allowed

READ = Need(action="s3:GetObject", resource="arn:aws:s3:::churn/*")
ANY_BUCKET = Need(action="s3:GetObject", resource=f"arn:aws:s3:::{UNKNOWN}/*")
LOGIN = Need(action="ecr:GetAuthorizationToken", resource="*")
PASS = Need(
    action="iam:PassRole",
    resource="arn:aws:iam::111122223333:role/ml",
    context={"iam:PassedToService": ("sagemaker.amazonaws.com",)},
)


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (allow("s3:GetObject"), True),
        (allow("S3:getobject"), True),
        (allow("s3:Get*"), True),
        (allow("s3:GetObjec?"), True),
        (allow("*"), True),
        (allow(["ecr:*", "s3:*"]), True),
        (allow("s3:PutObject"), False),
        (allow("s3:GetObject", "arn:aws:s3:::churn/*"), True),
        (allow("s3:GetObject", ["arn:aws:s3:::other/*", "arn:aws:s3:::churn/*"]), True),
        (allow("s3:GetObject", "arn:aws:s3:::ch*"), True),
        (allow("s3:GetObject", "arn:aws:s3:::churn"), False),
        (allow("s3:GetObject", "arn:aws:s3:::other/*"), False),
        # Only a part of the bucket.
        (allow("s3:GetObject", "arn:aws:s3:::churn/data/*"), None),
        (allow("s3:GetObject", "arn:aws:s3:::${aws:PrincipalTag/bucket}/*"), None),
        (allow("s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), None),
        (allow("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}}), True),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, True),
        ({"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"}, False),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::secret/*"}, True),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::churn/*"}, False),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::churn/raw/*"}, None),
    ],
)
def test_one_statement_allows_reading_a_bucket(statement: dict[str, Any], told: bool | None) -> None:
    assert allowed([policy(statement)], READ) is told


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (deny("s3:GetObject"), False),
        (deny("s3:*", "arn:aws:s3:::churn/*"), False),
        (deny("s3:*", "arn:aws:s3:::other/*"), True),
        (deny("s3:PutObject"), True),
        (deny("s3:*", "arn:aws:s3:::churn/raw/*"), None),
        (deny("s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}}), True),
        (deny("s3:*", Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}), None),
        ({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}, True),
        ({"Effect": "Deny", "NotAction": "ecr:*", "Resource": "*"}, False),
    ],
)
def test_a_denial_beats_what_allows(statement: dict[str, Any], told: bool | None) -> None:
    assert allowed([policy(allow("*")), policy(statement)], READ) is told


def test_nothing_is_allowed_by_nothing() -> None:
    assert allowed([], READ) is False


def test_a_single_statement_needs_no_list() -> None:
    assert allowed([{"Statement": allow("s3:*")}], READ) is True


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ("*", True),
        ("arn:aws:s3:::*", True),
        ("arn:aws:s3:::churn/*", None),
        ("arn:aws:s3:::churn-?/*", None),
        ("arn:aws:s3:::churn", False),
        ("arn:aws:sqs:eu-west-1:111122223333:*", False),
    ],
)
def test_a_bucket_still_to_be_chosen(resource: str, told: bool | None) -> None:
    assert allowed([policy(allow("s3:GetObject", resource))], ANY_BUCKET) is told


@pytest.mark.parametrize(
    ("resource", "told"), [("*", True), ("arn:aws:ecr:eu-west-1:111122223333:repository/ml", False)]
)
def test_what_knows_no_resources_needs_all_of_them(resource: str, told: bool | None) -> None:
    assert allowed([policy(allow("ecr:*", resource))], LOGIN) is told


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, True),
        ({"StringLike": {"iam:passedtoservice": ["ec2.*", "sagemaker.*"]}}, True),
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, False),
        ({"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, None),
        ({"ArnLike": {"iam:AssociatedResourceArn": "*"}}, None),
    ],
)
def test_conditions_are_held_against_what_the_request_says(
    condition: dict[str, Any], told: bool | None
) -> None:
    assert allowed([policy(allow("iam:PassRole", Condition=condition))], PASS) is told


@pytest.mark.parametrize(
    ("namespaces", "told"), [(["/a/*", "b/*"], True), (["/a/*"], None), ("*", True), ("/c/*", False)]
)
def test_a_request_says_one_of_the_values_that_it_may_say(namespaces: Any, told: bool | None) -> None:
    need = Need(
        action="cloudwatch:PutMetricData", resource="*", context={"cloudwatch:namespace": ("/a/*", "b/*")}
    )
    only = {"StringLike": {"cloudwatch:namespace": namespaces}}
    assert allowed([policy(allow("cloudwatch:*", Condition=only))], need) is told


@pytest.mark.parametrize(
    ("boundary", "told"),
    [
        (policy(allow("*")), True),
        (policy(allow("s3:*", "arn:aws:s3:::churn*")), True),
        (policy(allow("ecr:*")), False),
        (policy(allow("*"), deny("s3:*")), False),
        (policy(), False),
        (policy(allow("s3:*", Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01"}})), None),
    ],
)
def test_a_boundary_takes_away_but_never_gives(boundary: dict[str, Any], told: bool | None) -> None:
    assert allowed([policy(allow("s3:*"))], READ, boundary=boundary) is told
    assert allowed([], READ, boundary=boundary) is False


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("*", "", True),
        ("a*", "*b", True),
        ("a*c", "ab*", True),
        ("a?c", "a*c", True),
        ("ab", "a", False),
        ("a*b", "a*c", False),
        ("**a", "a**", True),
        ("", "a", False),
    ],
)
def test_two_patterns_meet_where_one_text_fits_both(one: str, other: str, meet: bool) -> None:
    assert (_overlap(one, other), _overlap(other, one)) == (meet, meet)


patterns = some.text(alphabet="ab*?", max_size=6)


@given(patterns, some.text(alphabet="ab", max_size=6))
def test_a_text_is_a_pattern_of_its_own(pattern: str, text: str) -> None:
    statement = allow("s3:GetObject", pattern)
    told = allowed([policy(statement)], Need(action="s3:GetObject", resource=f"a{text}"))
    assert told is _overlap(pattern, f"a{text}")


@given(patterns, patterns)
def test_meeting_is_mutual(one: str, other: str) -> None:
    assert _overlap(one, other) == _overlap(other, one)
