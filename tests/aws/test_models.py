"""botocore's models from copies without documentation: the same services, and no copy is trusted blindly."""

import json
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from provisioner.aws.models import Models
from provisioner.aws.session import Session
from provisioner.aws.shared import SharedClients
from provisioner.scan.table import ROWS

DATA = str(Path(botocore.__file__).parent / "data")
SERVICES = sorted({row.api for row in ROWS} | {"account", "organizations", "resourcegroupstaggingapi", "sts"})


def model(service: str, kept: Path | None) -> dict[str, Any]:
    loaded: dict[str, Any] = Models([DATA], kept).load_service_model(service, "service-2")
    return loaded


def shape(told: ServiceModel, name: str) -> dict[str, object]:
    """What serializers and parsers read of a shape."""
    of = told.shape_for(name)
    return {"type": of.type_name, "how": of.serialization, "meta": of.metadata, "members": members(of)}


def members(of: Any) -> list[str]:
    return list(of.members) if of.type_name == "structure" else []


@pytest.mark.parametrize("service", SERVICES)
def test_a_copy_says_all_that_calls_need(service: str, tmp_path: Path) -> None:
    model(service, tmp_path)
    theirs = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    ours = ServiceModel(model(service, tmp_path), service)
    assert ours.metadata == theirs.metadata
    assert list(ours.operation_names) == list(theirs.operation_names)
    assert [shape(ours, n) for n in ours.shape_names] == [shape(theirs, n) for n in theirs.shape_names]
    for name in theirs.operation_names:
        assert ours.operation_model(name).http == theirs.operation_model(name).http


def test_clients_are_made_of_copies(tmp_path: Path) -> None:
    for _ in ("that are written", "that are read"):
        shared = SharedClients("us-east-1", kept=tmp_path)
        assert [shared.raw(service).meta.service_model.service_name for service in SERVICES] == SERVICES
    assert len(list(tmp_path.glob("*.json"))) == len(SERVICES) == len(list(tmp_path.iterdir()))


def test_a_member_called_documentation_stays(tmp_path: Path) -> None:
    members = {"documentation": {"shape": "String", "documentation": "What it is."}}
    (tmp_path / "data" / "toys" / "2026-01-01").mkdir(parents=True)
    write(tmp_path, {"metadata": {}, "operations": {}, "shapes": {"Toy": {"members": members}}})
    loaded = Models([str(tmp_path / "data")], tmp_path).load_service_model("toys", "service-2")
    assert loaded["shapes"]["Toy"]["members"] == {"documentation": {"shape": "String"}}


def write(folder: Path, told: dict[str, Any]) -> None:
    import gzip

    path = folder / "data" / "toys" / "2026-01-01" / "service-2.json.gz"
    path.write_bytes(gzip.compress(json.dumps(told).encode()))


def test_a_copy_of_another_model_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "data" / "toys" / "2026-01-01").mkdir(parents=True)
    for words in ("an old one", "the newer one"):
        write(tmp_path, {"metadata": {"serviceId": words}, "operations": {}, "shapes": {}})
        loaded = Models([str(tmp_path / "data")], tmp_path).load_service_model("toys", "service-2")
        assert loaded["metadata"] == {"serviceId": words}


@pytest.mark.parametrize("model_", ["null", "{}", "[]", '{"metadata": {}}'])
def test_a_copy_of_no_model_is_made_anew(model_: str, tmp_path: Path) -> None:
    known = model("sts", tmp_path)
    (copy,) = tmp_path.iterdir()
    of = json.loads(copy.read_bytes())["of"]
    copy.write_text(f'{{"of": {json.dumps(of)}, "model": {model_}}}', encoding="utf-8")
    assert model("sts", tmp_path) == known


def test_what_cannot_be_written_leaves_no_part_of_it(tmp_path: Path) -> None:
    in_the_way = tmp_path / "sts.2011-06-15.json"
    in_the_way.mkdir()
    model("sts", tmp_path)
    assert [*tmp_path.iterdir()] == [in_the_way]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"of": 1}', '{"model": {}}', "\udcff", "[" * 100_000]
)
def test_a_damaged_copy_is_made_anew(text: str, tmp_path: Path) -> None:
    known = model("sts", tmp_path)
    (copy,) = tmp_path.iterdir()
    whole = copy.read_bytes()
    copy.write_bytes(text.encode(errors="surrogateescape"))
    assert model("sts", tmp_path) == known
    assert copy.read_bytes() == whole


def test_where_no_copy_can_be_written_the_model_itself_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert model("sts", tmp_path / "file" / "models")["metadata"]["serviceId"] == "STS"


def test_what_one_session_has_read_the_next_one_need_not() -> None:
    first, second = (Session("us-east-1").client("sts").raw.meta.service_model for _ in range(2))
    assert first.metadata is second.metadata
