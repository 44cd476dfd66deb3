"""The stack engine, each of AWS's quirks by real boto3 calls."""

from __future__ import annotations

import json
from typing import Any

BUCKET: dict[str, Any] = {"Type": "AWS::S3::Bucket"}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def test_a_stack_tells_its_story_resource_by_resource(stacks) -> None:
    stacks.create("story", template(Log={"Type": "AWS::Logs::LogGroup"}))
    assert stacks.story("story") == [
        ("story", "CREATE_IN_PROGRESS"),
        ("Log", "CREATE_IN_PROGRESS"),
        ("Log", "CREATE_IN_PROGRESS"),
        ("Log", "CREATE_COMPLETE"),
        ("story", "CREATE_COMPLETE"),
    ]
