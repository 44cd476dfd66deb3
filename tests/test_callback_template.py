"""The function that a stack may carry: its code, its runtime and what else stands in the template."""

import ast
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from cost_estimates import price_book
from cost_estimates.estimate import monthly
from provisioner import plan as plans
from provisioner import runtimes, synth
from provisioner import spec as specs
from provisioner import template as templates
from provisioner.errors import SpecError
from stacks import callback

SERVER = "https://mlops.example.com"


def plan(**register: str) -> plans.Plan:
    base = {"version": 1, "name": "churn-dev", "region": "eu-central-1", "register": register}
    return plans.make(specs.parse({**base, "components": specs.PRESETS["minimal"]}))


CALLING = plan(how="callback", server=SERVER)


@pytest.fixture(scope="module")
def template() -> Any:
    return synth.synthesize(CALLING.shape)


def test_the_shape_says_it_and_the_server_is_a_parameter() -> None:
    assert (CALLING.shape.callback, CALLING.parameters["FinishBase"]) == (True, SERVER)
    assert plans.shape_from(CALLING.shape.as_dict()) == CALLING.shape


def test_without_the_wish_a_shape_is_what_it_was() -> None:
    assert "callback" not in plan().shape.as_dict()
    assert "FinishBase" not in plan().parameters


def test_a_forged_shape_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        plans.shape_from({**CALLING.shape.as_dict(), "callback": "yes"})
    assert caught.value.field == "callback"


def test_the_code_stands_in_the_template_whole_and_within_the_bound(template: Any) -> None:
    code = template.resources["CallbackFunction"]["Properties"]["Code"]["ZipFile"]
    assert code == callback.code()
    assert len(code) <= callback.MAX_CODE
    full = (Path(callback.__file__).parent / "enrol" / "index.py").read_text()
    assert ast.dump(without_words(ast.parse(full))) == ast.dump(ast.parse(code))


def without_words(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            del body[0]
    return tree


def test_only_what_people_read_is_stripped() -> None:
    source = (
        '"""Says what."""\n\nA = "# none"  # why\n\n\ndef f() -> str:\n    """Promise."""\n    return A\n'
    )
    assert callback.stripped(source) == 'A = "# none"\ndef f() -> str:\n return A\n'


def test_the_function_may_write_its_own_log_and_nothing_else(template: Any) -> None:
    role = template.resources["CallbackRole"]["Properties"]
    granted = [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]
    assert granted == [
        {
            "Sid": "CallbackLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": ["CallbackLogs", "Arn"]},
        }
    ]
    assert "ManagedPolicyArns" not in role
    function = template.resources["CallbackFunction"]["Properties"]
    assert "Environment" not in function
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": "CallbackLogs"}}
    assert template.resources["CallbackLogs"]["Properties"]["RetentionInDays"] == 30


def test_it_tells_what_finishing_needs_and_waits_five_minutes(template: Any) -> None:
    told = template.resources["Callback"]["Properties"]
    finish = template.body["Outputs"]["FinishUrl"]["Value"]["Fn::Sub"]
    assert finish == "${FinishBase}/finish?" + told.pop("Address")["Fn::Sub"]
    assert told == {
        "ServiceToken": {"Fn::GetAtt": ["CallbackFunction", "Arn"]},
        "ServiceTimeout": "300",
        "Server": {"Ref": "FinishBase"},
        "Enrolment": {"Ref": "EnrolmentId"},
        "Suffix": {"Ref": "AWS::URLSuffix"},
    }


def test_the_function_ends_before_cloudformation_stops_waiting(template: Any) -> None:
    import importlib

    index: Any = importlib.import_module("stacks.enrol.index")
    tries = sum(pause + 10 for pause in index.PAUSES)
    assert tries < template.resources["CallbackFunction"]["Properties"]["Timeout"] < callback.SERVICE_TIMEOUT


def test_a_stack_that_calls_back_goes_through_a_link(template: Any) -> None:
    assert templates.link_flaws(template) == []


def test_code_beside_the_template_does_not_go_through_a_link(template: Any) -> None:
    body = json.loads(template.text)
    body["Resources"]["CallbackFunction"]["Properties"]["Code"] = {"S3Bucket": "b", "S3Key": "k"}
    flaws = templates.link_flaws(templates.parse(json.dumps(body)))
    assert sorted((f.id, f.subject) for f in flaws) == [
        ("not-one-file", "Callback"),
        ("not-one-file", "CallbackFunction"),
    ]


def test_the_runtimes_are_those_of_the_dated_source() -> None:
    path = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
    known = json.loads(path.read_text())
    newest = max(
        (name for name in known if name.startswith("python")),
        key=lambda name: tuple(map(int, name.removeprefix("python").split("."))),
    )
    assert runtimes.python() == newest
    assert runtimes.deprecated(newest) == date.fromisoformat(known[newest]["deprecated"])
    assert runtimes.deprecated(newest) - runtimes.as_of() > timedelta(days=365)


def test_all_of_it_is_the_callbacks_own_and_priced(template: Any) -> None:
    names = {"Callback", "CallbackFunction", "CallbackRole", "CallbackLogs"}
    assert {k for k in template.resources if template.component_of(k) == "callback"} == names
    answer = monthly(template.body, "eu-central-1", usage="idle", today=price_book.load().as_of).as_dict()
    assert "other" not in {row["component"] for row in answer["components"]}
    assert {r["logical_id"]: r["status"] for r in answer["resources"] if r["logical_id"] in names} == {
        "Callback": "free",
        "CallbackFunction": "usage",
        "CallbackRole": "free",
        "CallbackLogs": "usage",
    }
    assert (answer["unknown"], answer["total"]["idle"]) == (0, 0.0)
