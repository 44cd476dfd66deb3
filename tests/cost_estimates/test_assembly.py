"""Template files with what they nest, and CDK output directories."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cost_estimates.assembly import read_templates
from cost_estimates.estimate import monthly
from cost_estimates.model import CostError, Estimate

TODAY = date(2026, 1, 15)
NAT = {"Type": "AWS::EC2::NatGateway"}
BUCKET = {"Type": "AWS::S3::Bucket"}
PER_MONTH = 32.85  # 730 × 0.045: one NAT gateway in us-east-1


def nested(url: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, **more}}


def write(path: Path, resources: dict[str, Any], **sections: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**sections, "Resources": resources}))
    return path


def estimate(path: Path, **parameters: str) -> Estimate:
    return monthly(read_templates(path), "us-east-1", usage="idle", parameters=parameters, today=TODAY)


def answers(it: Estimate) -> dict[str, tuple[str, float]]:
    return {one.logical_id: (one.status, float(one.band.typical)) for one in it.resources}


def test_a_nested_template_beside_its_parent_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "parts/net.json", {"Nat": NAT})
    root = write(tmp_path / "root.json", {"Store": BUCKET, "Net": nested("./parts/net.json")})
    assert answers(estimate(root)) == {
        "Store": ("usage", 0.0),
        "Net": ("free", 0.0),
        "Net/Nat": ("priced", PER_MONTH),
    }


def test_paths_are_relative_to_the_template_that_names_them(tmp_path: Path) -> None:
    write(tmp_path / "a/b/inner.yaml", {"Nat": NAT})
    write(tmp_path / "a/middle.json", {"Inner": nested("b/inner.yaml")})
    root = write(tmp_path / "root.json", {"Middle": nested("a/middle.json")})
    assert answers(estimate(root))["Middle/Inner/Nat"] == ("priced", PER_MONTH)


def test_a_nested_stack_is_given_its_parameters(tmp_path: Path) -> None:
    """What the parent knows decides conditions below; what it does not know stays open."""
    condition = {"WithNat": {"Fn::Equals": [{"Ref": "Nat"}, "yes"]}}
    write(
        tmp_path / "net.json",
        {"Gateway": {**NAT, "Condition": "WithNat"}, "Box": {"Type": "AWS::EC2::Instance"}},
        Parameters={"Nat": {"Type": "String", "Default": "no"}, "Zones": {"Type": "CommaDelimitedList"}},
        Conditions=condition,
    )
    given = {"Nat": {"Ref": "Wanted"}, "Zones": {"Ref": "AWS::AccountId"}, "Unheard": "of"}
    root = write(
        tmp_path / "root.json",
        {"Net": nested("net.json", Parameters=given)},
        Parameters={"Wanted": {"Type": "String", "Default": "no"}},
    )
    assert "Net/Gateway" not in answers(estimate(root))
    assert answers(estimate(root, Wanted="yes"))["Net/Gateway"] == ("priced", PER_MONTH)


def test_what_a_parent_made_is_no_resource_of_the_nested_stack(tmp_path: Path) -> None:
    """Both stacks have a Config; the nested endpoint's is the parent's, which it cannot see."""
    config = {
        "Type": "AWS::SageMaker::EndpointConfig",
        "Properties": {"ProductionVariants": [{"InstanceType": "ml.p4d.24xlarge"}]},
    }
    endpoint = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": {"Ref": "Name"}}}
    write(
        tmp_path / "serve.json",
        {"Config": config, "Serve": endpoint},
        Parameters={"Name": {"Type": "String"}},
    )
    root = write(
        tmp_path / "root.json",
        {"Config": config, "Down": nested("serve.json", Parameters={"Name": {"Ref": "Config"}})},
    )
    [serve] = [one for one in estimate(root).resources if one.logical_id == "Down/Serve"]
    assert "EndpointConfigName is not in the template: one ml.m5.large assumed" in serve.reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://bucket.s3.amazonaws.com/net.json", "a nested stack whose template is not beside this one"),
        ("s3://bucket/net.json", "a nested stack whose template is not beside this one"),
        ({"Ref": "Url"}, "a nested stack whose template is not beside this one"),
        (None, "a nested stack whose template is not beside this one"),
        ("gone.json", "a nested stack that cannot be read: "),
        (".", "a nested stack that cannot be read: "),
        ("text.txt", "a nested stack that cannot be read: not a CloudFormation template"),
        ("bytes.bin", "a nested stack that cannot be read: "),
        ("root.json", "a nested stack that leads back to itself: root.json"),
    ],
)
def test_a_nested_template_that_cannot_be_had_is_one_unknown_line(
    tmp_path: Path, url: Any, reason: str
) -> None:
    (tmp_path / "text.txt").write_text("just words")
    (tmp_path / "bytes.bin").write_bytes(b"\xff\xfe\x00")
    root = write(tmp_path / "root.json", {"Nat": NAT, "Net": nested(url)})
    it = estimate(root)
    assert (it.unknown, float(it.total.idle)) == (1, PER_MONTH)
    assert it.resources[1].reason.removeprefix("a template within the template; ").startswith(reason)


def assembly(folder: Path, artifacts: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
    return folder


def stack_artifact(file: str, **more: str) -> dict[str, Any]:
    return {"type": "aws:cloudformation:stack", "properties": {"templateFile": file}, **more}


def test_a_cdk_output_directory_is_one_estimate_of_all_its_stacks(tmp_path: Path) -> None:
    write(tmp_path / "Net.template.json", {"Nat": NAT})
    write(tmp_path / "Data.template.json", {"Store": BUCKET})
    assembly(
        tmp_path,
        {
            "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
            "Net.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Net.assets.json"}},
            "Net": stack_artifact("Net.template.json", environment="aws://unknown-account/unknown-region"),
            "Data": stack_artifact("Data.template.json", displayName="App/Data"),
        },
    )
    assert answers(estimate(tmp_path)) == {"Net/Nat": ("priced", PER_MONTH), "App/Data/Store": ("usage", 0.0)}


def test_a_lone_stack_of_a_directory_keeps_its_names(tmp_path: Path) -> None:
    write(tmp_path / "Net.template.json", {"Nat": NAT})
    assembly(tmp_path, {"Net": stack_artifact("Net.template.json")})
    assert answers(estimate(tmp_path)) == {"Nat": ("priced", PER_MONTH)}


def test_stages_and_nested_assets_are_found(tmp_path: Path) -> None:
    """The CDK uploads nested templates: their address is a function, their file stands in the metadata."""
    url = {"Fn::Sub": "https://s3.${AWS::Region}.${AWS::URLSuffix}/cdk-assets/abc.json"}
    child = {**nested(url), "Metadata": {"aws:asset:path": "Net.nested.template.json"}}
    write(tmp_path / "assembly-Prod/Net.nested.template.json", {"Nat": NAT})
    write(tmp_path / "assembly-Prod/Net.template.json", {"Child": child})
    assembly(tmp_path / "assembly-Prod", {"Net": stack_artifact("Net.template.json")})
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    assembly(tmp_path, {"Prod": stage})
    assert answers(estimate(tmp_path))["Child/Nat"] == ("priced", PER_MONTH)


HASH = "65865bcf7590e52525cdc33a3e3ec6c452372ae4a4c061492d906f8a53399725"
UPLOADED = {
    "Fn::Join": ["", ["https://s3.", {"Ref": "AWS::Region"}, {"Fn::Sub": "/assets"}, f"/{HASH}.json"]]
}
LISTED = {"files": {HASH: {"source": {"path": "Inner.nested.template.json", "packaging": "file"}}}}


@pytest.mark.parametrize(
    ("manifest", "status"),
    [
        (json.dumps(LISTED), "free"),
        ('{"files": {}}', "unknown"),
        ('{"files": []}', "unknown"),
        ("[]", "unknown"),
        ("no json", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_nested_asset_is_found_by_its_hash(tmp_path: Path, manifest: str | None, status: str) -> None:
    """Newer CDKs write no path into the template: the asset manifest beside it knows the file."""
    write(tmp_path / "Inner.nested.template.json", {"Nat": NAT})
    root = write(tmp_path / "Net.template.json", {"Inner": nested(UPLOADED)})
    if manifest:
        (tmp_path / "Net.assets.json").write_text(manifest)
    found = answers(estimate(root))
    assert found["Inner"] == (status, 0.0)
    assert ("Inner/Nat" in found) is (status == "free")


def test_each_stack_is_given_the_parameters_it_has(tmp_path: Path) -> None:
    size = {"Size": {"Type": "Number", "Default": 0}}
    config = {
        "NodegroupName": "n",
        "InstanceTypes": ["m5.large"],
        "ScalingConfig": {"MinSize": {"Ref": "Size"}},
    }
    nodes = {"Nodes": {"Type": "AWS::EKS::Nodegroup", "Properties": config}}
    write(tmp_path / "A.json", nodes, Parameters=size)
    write(tmp_path / "B.json", {"Store": BUCKET})
    assembly(tmp_path, {"A": stack_artifact("A.json"), "B": stack_artifact("B.json")})
    assert answers(estimate(tmp_path, Size="1"))["A/Nodes"][1] == round(730 * 0.096 + 20 * 0.08, 4)
    with pytest.raises(CostError) as caught:
        estimate(tmp_path, Siz="1")
    assert (caught.value.message, caught.value.hint) == (
        "no template has a parameter Siz",
        "there is Size",
    )


@pytest.mark.parametrize("manifest", [None, "not json", "[]", "{}", '{"artifacts": []}'])
def test_a_directory_without_stacks_is_refused(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(CostError) as caught:
        read_templates(tmp_path)
    assert caught.value.field == "template"


@pytest.mark.parametrize("name", ["absent.json", "words.txt"])
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "words.txt").write_text("just words")
    with pytest.raises(CostError):
        read_templates(tmp_path / name)
