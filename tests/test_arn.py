"""ARNs, and the principals that `aws:PrincipalArn` will show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import arn
from provisioner.arn import Arn
from provisioner.errors import SpecError

SSO = "AWSReservedSSO_DataScientist_0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "parsed", "name"),
    [
        (
            "arn:aws:s3:::team-artifacts",
            Arn(partition="aws", service="s3", region="", account="", resource="team-artifacts"),
            "team-artifacts",
        ),
        (
            "arn:aws-cn:ecr:cn-north-1:111122223333:repository/team/images",
            Arn(
                partition="aws-cn",
                service="ecr",
                region="cn-north-1",
                account="111122223333",
                resource="repository/team/images",
            ),
            "team/images",
        ),
        (
            "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/x:*",
            Arn(
                partition="aws",
                service="logs",
                region="eu-central-1",
                account="111122223333",
                resource="log-group:/aws/x:*",
            ),
            "aws/x:*",
        ),
    ],
)
def test_an_arn_is_its_parts_and_its_text(text: str, parsed: Arn, name: str) -> None:
    assert arn.parse(text) == parsed
    assert str(parsed) == text
    assert parsed.name == name


@pytest.mark.parametrize(
    "text",
    ["", "team-artifacts", "arn:aws:s3", "arn:aws:s3:::", "arn::s3:::x", "arn:aws::::x", "ARN:aws:s3:::x"],
)
def test_what_is_no_arn_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        arn.parse(text, field="reuse")
    assert caught.value.message == f"{text!r} is not an ARN"
    assert (caught.value.field, caught.value.hint) == (
        "reuse",
        "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE",
    )


@given(st.text(max_size=40))
def test_any_text_is_an_arn_that_comes_back_or_is_refused(text: str) -> None:
    try:
        assert str(arn.parse(text)) == text
    except SpecError:
        assert True


@pytest.mark.parametrize(
    ("text", "principal"),
    [
        ("arn:aws:iam::111122223333:role/ml", "arn:aws:iam::111122223333:role/ml"),
        ("arn:aws:iam::111122223333:user/eng/anna", "arn:aws:iam::111122223333:user/eng/anna"),
        ("arn:aws:sts::111122223333:assumed-role/ml/i-0abc", "arn:aws:iam::111122223333:role/ml"),
        ("arn:aws-cn:sts::111122223333:assumed-role/ml/a@b.c", "arn:aws-cn:iam::111122223333:role/ml"),
        (
            f"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-central-1/{SSO}",
            f"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-central-1/{SSO}",
        ),
    ],
)
def test_a_principal_is_a_role_or_user(text: str, principal: str) -> None:
    assert str(arn.principal(text)) == principal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arn:aws:iam::111122223333:role/*", "a wildcard is no principal"),
        ("arn:aws:iam::*:role/ml", "a wildcard is no principal"),
        ("arn:aws:iam::111122223333:role/m?", "a wildcard is no principal"),
        ("arn:aws:iam::111122223333:root", "is not a role or user"),
        ("arn:aws:iam::111122223333:role/", "is not a role or user"),
        ("arn:aws:iam::111122223333:role/a b", "is not a role or user"),
        ("arn:aws:iam::111122223333:role/müller", "is not a role or user"),
        ("arn:aws:iam::111122223333:role/" + "a" * 513, "is not a role or user"),
        ("arn:aws:iam::111122223333:group/ml", "is not a role or user"),
        ("arn:aws:iam::1111:role/ml", "is not a role or user"),
        ("arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/ml", "is not a role or user"),
        ("arn:aws:iam:eu-central-1:111122223333:role/ml", "is not a role or user"),
        ("arn:aws:sts::111122223333:federated-user/anna", "is not a role or user"),
        ("arn:aws:s3:::bucket", "is not a role or user"),
        ("111122223333", "is not an ARN"),
    ],
)
def test_what_is_no_principal_is_refused_with_its_field(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        arn.principal(text, field="access.principal")
    assert message in caught.value.message
    assert (caught.value.field, bool(caught.value.hint)) == ("access.principal", True)


def test_an_identity_center_session_is_told_how_to_find_its_role() -> None:
    with pytest.raises(SpecError) as caught:
        arn.principal(f"arn:aws:sts::111122223333:assumed-role/{SSO}/anna@example.com")
    assert caught.value.message == "an IAM Identity Center session does not show its role's path"
    assert caught.value.hint == (
        f"give the role's own ARN: aws iam get-role --role-name {SSO} --query Role.Arn"
    )
