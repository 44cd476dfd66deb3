"""Functions as local processes, and custom resources that wait for what a function answers."""

import json
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ANSWER = """
import json, os, urllib.request
def handler(event, context):
    answer = {k: event[k] for k in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "thing-1", "Data": {"Said": event["RequestType"]}}
    answer |= CHANGES
    answer["Data"] = {"Said": "x" * 5000} if answer["Data"] == "long" else answer["Data"]
    print("told", event["RequestType"], json.dumps(event["ResourceProperties"]))
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=10)
"""
Refused = Callable[..., tuple[str, str]]


def trust(service: str = "lambda.amazonaws.com") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def body(code: str, **told: Any) -> dict[str, Any]:
    """A role, a function with this code, and a resource that it answers for."""
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust()}},
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.14",
                "Handler": "index.handler",
                "Timeout": 20,
                "Code": {"ZipFile": code},
                "LoggingConfig": {"LogGroup": {"Ref": "Log"}},
            },
        },
        "Thing": {
            "Type": "Custom::Thing",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Number": 7, **told},
        },
    }
    outputs = {"Said": {"Value": {"Fn::GetAtt": ["Thing", "Said"]}}, "Id": {"Value": {"Ref": "Thing"}}}
    return {"Resources": resources, "Outputs": outputs}


def answering(**changes: Any) -> str:
    return ANSWER.replace("CHANGES", repr(changes))


def logged(client: Any, stacks: Any, name: str) -> list[str]:
    group = stacks.physical_id(name, "Log")
    events = client("logs").filter_log_events(logGroupName=group)["events"]
    return [e["message"] for e in events if e["message"].startswith("told")]


def reason(stacks: Any, name: str) -> str:
    rows = [r for r in stacks.events(name) if r["ResourceStatus"].endswith("_FAILED")]
    return str(rows[0]["ResourceStatusReason"]) if rows else ""


def test_a_function_is_told_of_create_update_and_delete_and_its_answer_is_the_resource(
    stacks: Any, client: Any
) -> None:
    stacks.create("web", body(answering()))
    assert stacks.show("web")["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.outputs("web") == {"Said": "Create", "Id": "thing-1"}
    assert stacks.update("web", body(answering(), Number=8)) == "UPDATE_COMPLETE"
    assert stacks.outputs("web") == {"Said": "Update", "Id": "thing-1"}
    told = logged(client, stacks, "web")
    token = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{stacks.physical_id('web', 'Function')}"
    assert told == [
        f"told Create {json.dumps({'ServiceToken': token, 'Number': '7'})}",
        f"told Update {json.dumps({'ServiceToken': token, 'Number': '8'})}",
    ]
    assert stacks.delete("web") == "DELETE_COMPLETE"


def test_a_function_that_fails_rolls_the_stack_back_and_is_told_to_delete(stacks: Any) -> None:
    failing = ANSWER.replace(
        "CHANGES", '({"Status": "FAILED", "Reason": "no luck"} if event["RequestType"] == "Create" else {})'
    )
    stacks.create("web", body(failing))
    assert stacks.show("web")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason(stacks, "web").startswith(
        "Received response status [FAILED] from custom resource. Message returned: no luck (RequestId: "
    )
    assert ("Thing", "DELETE_COMPLETE") in stacks.story("web")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        ({"Data": "long"}, "Response object is too long."),
        ({"Status": "MAYBE"}, "Invalid Response object: Value of property Status must be SUCCESS or FAILED"),
        ({"StackId": "x"}, "Invalid Response object: Value of property StackId is not the request's"),
        ({"Data": "x"}, "Invalid Response object: Value of property Data must be an object"),
    ],
)
def test_an_answer_of_the_wrong_form_fails_the_stack(stacks: Any, changes: Any, why: str) -> None:
    stacks.create("web", body(answering(**changes)), OnFailure="DO_NOTHING")
    assert (stacks.show("web")["StackStatus"], reason(stacks, "web")) == ("CREATE_FAILED", why)


def test_a_function_that_says_nothing_is_waited_for_as_long_as_the_template_says(stacks: Any) -> None:
    silent = "def handler(event, context):\n    return 1\n"
    stacks.create("web", body(silent, ServiceTimeout=1), OnFailure="DO_NOTHING")
    assert stacks.show("web")["StackStatus"] == "CREATE_FAILED"
    assert reason(stacks, "web").startswith(
        "CloudFormation did not receive a response from your Custom Resource."
    )


def test_a_reset_does_not_wait_for_a_silent_function(aws: Any, stacks: Any) -> None:
    stacks.create("web", body("def handler(event, context):\n    pass\n"), wait=False)
    aws.reset()
    assert stacks.api.list_stacks()["StackSummaries"] == []


@pytest.mark.parametrize("timeout", ["0", "3601", "soon"])
def test_a_wait_of_no_length_is_refused(stacks: Any, timeout: str) -> None:
    stacks.create("web", body(answering(), ServiceTimeout=timeout), OnFailure="DO_NOTHING")
    assert reason(stacks, "web") == "Invalid ServiceTimeout: it must be an integer from 1 to 3600"


def test_an_attribute_that_no_answer_holds_fails_the_stack(stacks: Any) -> None:
    stacks.create("web", body(answering(Data={})))
    assert stacks.show("web")["StackStatus"] == "ROLLBACK_COMPLETE"


def test_code_in_a_template_has_a_bound(stacks: Any) -> None:
    stacks.create("web", body("#" * 4097), OnFailure="DO_NOTHING")
    assert "[#/Code/ZipFile: expected maxLength: 4096, actual: 4097]" in reason(stacks, "web")


def test_an_unknown_type_is_still_refused(stacks: Any, refused: Refused) -> None:
    template = body(answering())
    template["Resources"]["Thing"]["Type"] = "Custom::No Such Name"
    code, message = refused(stacks.create, name="web", template=template)
    assert (code, message) == (
        "ValidationError",
        "Template format error: Unrecognized resource types: [Custom::No Such Name]",
    )


# Functions


IDENTITY = """
import os, json, urllib.request
def handler(event, context):
    return {"key": os.environ["AWS_ACCESS_KEY_ID"], "secret": os.environ["AWS_SECRET_ACCESS_KEY"],
            "token": os.environ["AWS_SESSION_TOKEN"], "left": context.get_remaining_time_in_millis() > 0,
            "home": sorted(k for k in os.environ if k.startswith(("STACKWRIGHT", "HOME")))}
"""


def invoked(client: Any, stacks: Any, code: str) -> dict[str, Any]:
    template = body(code)
    del template["Resources"]["Thing"], template["Outputs"]
    stacks.create("web", template)
    answer = client("lambda").invoke(FunctionName=stacks.physical_id("web", "Function"))
    return {"error": answer.get("FunctionError"), **json.loads(answer["Payload"].read())}


def test_a_function_runs_as_its_role_and_sees_nothing_of_ours(client: Any, stacks: Any, aws: Any) -> None:
    import boto3

    said = invoked(client, stacks, IDENTITY)
    assert (said["error"], said["left"], said["home"]) == (None, True, [])
    sts = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=aws.endpoint,
        aws_access_key_id=said["key"],
        aws_secret_access_key=said["secret"],
        aws_session_token=said["token"],
    )
    role, function = (stacks.physical_id("web", name) for name in ("Role", "Function"))
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{function}"


def test_a_function_that_raises_says_why(client: Any, stacks: Any) -> None:
    said = invoked(client, stacks, "def handler(event, context):\n    raise ValueError('no')\n")
    assert said == {"error": "Unhandled", "errorMessage": "ValueError: no"}


def test_a_role_that_lambda_may_not_assume_is_refused(stacks: Any) -> None:
    template = body(answering())
    template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"] = trust("ec2.amazonaws.com")
    stacks.create("web", template, OnFailure="DO_NOTHING")
    assert "The role defined for the function cannot be assumed by Lambda." in reason(stacks, "web")


# Presigned identities


@pytest.fixture
def presigned(aws: Any, client: Any) -> Callable[..., str]:
    """An address that tells who a role's session is."""
    import boto3

    client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(anyone()))
    session = client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r", RoleSessionName="session")
    keys = session["Credentials"]

    def make(**changed: str) -> str:
        own = {"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["SessionToken"]}
        own |= changed
        sts = boto3.client(
            "sts",
            region_name=REGION,
            endpoint_url=aws.endpoint,
            aws_access_key_id=own["key"],
            aws_secret_access_key=own["secret"],
            aws_session_token=own["token"],
        )
        return str(sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET"))

    return make


def anyone() -> dict[str, Any]:
    root = f"arn:aws:iam::{ACCOUNT}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def asked(url: str) -> tuple[int, str]:
    from urllib.error import HTTPError

    try:
        with urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_a_presigned_identity_is_the_roles(presigned: Callable[..., str]) -> None:
    status, text = asked(presigned())
    assert status == 200
    assert f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/r/session</Arn>" in text


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"secret": "another"}, "SignatureDoesNotMatch"),
        ({"key": "ASIAUNKNOWN000000000"}, "InvalidClientTokenId"),
        ({"token": "another"}, "InvalidClientTokenId"),
    ],
)
def test_a_presigned_identity_of_other_keys_is_refused(
    presigned: Callable[..., str], changed: dict[str, str], code: str
) -> None:
    status, text = asked(presigned(**changed))
    assert (status, f"<Code>{code}</Code>" in text) == (403, True)


def test_an_altered_presigned_identity_is_refused(presigned: Callable[..., str]) -> None:
    status, text = asked(presigned().replace("X-Amz-Expires=60", "X-Amz-Expires=61"))
    assert (status, "<Code>SignatureDoesNotMatch</Code>" in text) == (403, True)


def test_a_late_presigned_identity_is_refused(presigned: Callable[..., str]) -> None:
    status, text = asked(presigned().replace("X-Amz-Date=2", "X-Amz-Date=1"))
    assert (status, "Signature expired: " in text) == (403, True)


def test_functions_of_other_languages_are_beyond_the_emulator(client: Any, aws: Any) -> None:
    client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust()))
    with pytest.raises(ClientError) as caught:
        client("lambda").create_function(
            FunctionName="f",
            Role=f"arn:aws:iam::{ACCOUNT}:role/r",
            Runtime="nodejs24.x",
            Code={"ZipFile": b"x"},
        )
    assert caught.value.response["Error"]["Message"] == "The emulator runs Python functions only."
