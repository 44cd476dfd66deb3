"""Templates as values: canonical bytes, stamped tags, and every reason why one does not go through a link."""

import hashlib
from typing import Any

import pytest

from provisioner import template as templates
from provisioner.template import Template

OURS = [{"Key": "stackwright:stack", "Value": "s"}, {"Key": "stackwright:component", "Value": "access"}]


def of(resource: dict[str, Any] | None = None, **sections: Any) -> Template:
    resources = {"Thing": resource} if resource else {}
    return Template(body={"Resources": resources, **sections})


def flaws(template: Template) -> list[tuple[str, str]]:
    found = templates.link_flaws(template)
    grave = {f.id: f.severity for f in found}
    assert grave == {id_: "warning" if id_ == "template-large-for-cdk" else "error" for id_ in grave}
    assert all(f.message and f.fix for f in found)
    return [(f.id, f.subject) for f in found]


def test_equal_content_has_equal_bytes_and_one_address() -> None:
    one, other = Template(body={"b": 1, "a": "ä"}), templates.parse('{ "a": "\\u00e4", "b": 1 }')
    assert one.text == other.text == '{"a":"\\u00e4","b":1}'
    assert one.sha256 == hashlib.sha256(one.text.encode()).hexdigest()
    assert one.size == len(one.text.encode()) == 20


@pytest.mark.parametrize("text", ["", "[]", "null", "{"])
def test_a_template_is_a_json_object(text: str) -> None:
    with pytest.raises(ValueError):
        templates.parse(text)


@pytest.mark.parametrize("resources", ['{"A":{}}', '{"A":1}', '{"A":{"Type":1}}', "[]", "1"])
def test_every_resource_has_a_type(resources: str) -> None:
    with pytest.raises(ValueError, match="every resource of a template has a Type"):
        templates.parse(f'{{"Resources": {resources}}}')


def test_a_template_of_somebody_else_has_no_shape() -> None:
    assert Template(body={}).shape == {}
    assert Template(body={"Metadata": {"Stackwright": {"shape": {"trust": "account"}}}}).shape == {
        "trust": "account"
    }


def test_a_resource_belongs_to_the_component_of_its_tag_or_of_what_it_names() -> None:
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"Tags": OURS}},
        "Policy": {"Type": "AWS::IAM::RolePolicy", "Properties": {"RoleName": {"Ref": "Role"}}},
        "Beside": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Role"}}},
        "Plain": {"Type": "AWS::S3::Bucket"},
        "Named": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "a-bucket"}},
        "Far": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Parameter"}}},
        "Odd": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Odd"}}},
    }
    template = Template(body={"Resources": resources})
    assert {name: template.component_of(name) for name in resources} == {
        "Role": "access",
        "Policy": "access",
        "Beside": "access",
        "Plain": "other",
        "Named": "other",
        "Far": "other",
        "Odd": "other",
    }


def test_tags_are_stamped_on_what_carries_ours_and_nowhere_else() -> None:
    plain = Template(
        body={
            "Resources": {
                "Ours": {"Type": "T", "Properties": {"Tags": list(OURS)}},
                "Theirs": {"Type": "T", "Properties": {"Tags": [{"Key": "x", "Value": "y"}]}},
                "Bare": {"Type": "T"},
            }
        }
    )
    before = plain.text
    made = templates.stamped(plain, {"zone": "b", "owner": "anna"})
    assert made.resources == {
        "Ours": {
            "Type": "T",
            "Properties": {"Tags": [*OURS, {"Key": "owner", "Value": "anna"}, {"Key": "zone", "Value": "b"}]},
        },
        "Theirs": {"Type": "T", "Properties": {"Tags": [{"Key": "x", "Value": "y"}]}},
        "Bare": {"Type": "T"},
    }
    assert plain.text == before
    assert made.sha256 != plain.sha256


def test_no_tags_make_no_other_template() -> None:
    plain = of({"Type": "T"})
    assert templates.stamped(plain, {}) is plain


@pytest.mark.parametrize(
    ("template", "found"),
    [
        (of({"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}), []),
        (of(Transform="AWS::Serverless-2016-10-31"), [("transform", "Transform")]),
        (of(Outputs={"A": {"Value": {"Fn::Transform": {"Name": "M"}}}}), [("transform", "Transform")]),
        (of(Parameters={"BootstrapVersion": {"Type": "String"}}), [("bootstrap", "BootstrapVersion")]),
        (of(Rules={"CheckBootstrapVersion": {}}), [("bootstrap", "BootstrapVersion")]),
        (of({"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}}), [("named-iam", "Thing")]),
        (
            of({"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "x"}}),
            [("named-iam", "Thing")],
        ),
        (of({"Type": "AWS::IAM::RolePolicy", "Properties": {"RoleName": "x"}}), []),
        (of({"Type": "T", "DeletionPolicy": {"Ref": "P"}}), [("policy-intrinsic", "Thing")]),
        (of({"Type": "T", "UpdateReplacePolicy": {"Fn::If": []}}), [("policy-intrinsic", "Thing")]),
        (of({"Type": "AWS::CloudFormation::Stack"}), [("not-one-file", "Thing")]),
        (of({"Type": "AWS::Lambda::Function"}), [("not-one-file", "Thing")]),
        (of({"Type": "Custom::Anything"}), [("not-one-file", "Thing")]),
        (of(Description="x" * 51_200), [("template-too-large", "template")]),
    ],
)
def test_what_breaks_the_link_path_is_named(template: Template, found: list[tuple[str, str]]) -> None:
    assert flaws(template) == found


@pytest.mark.parametrize(
    ("most", "beyond"),
    [(38_000, "template-large-for-cdk"), (51_200, "template-too-large")],
)
def test_so_many_bytes_are_allowed_and_no_more(most: int, beyond: str) -> None:
    room = most - of(Description="").size
    assert (beyond, "template") not in flaws(of(Description="x" * room))
    assert flaws(of(Description="x" * (room + 1))) == [(beyond, "template")]


@pytest.mark.parametrize("metadata", [None, [1], "x", {"Stackwright": [1]}, {"Stackwright": {"shape": "x"}}])
def test_a_template_of_somebody_else_has_no_shape_whatever_its_metadata(metadata: object) -> None:
    assert Template(body={"Resources": {}, "Metadata": metadata}).shape == {}
