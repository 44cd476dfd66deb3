"""CloudFormation types of SNS, Budgets and EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.emulator.handler import (
    Gone,
    HandlerError,
    Properties,
    ResourceType,
    Site,
    changed,
    chosen,
    document,
    physical_name,
    tag_list,
)
from provisioner.emulator.template import words

SETTINGS = "DisplayName KmsMasterKeyId SignatureVersion"


class Topic(ResourceType):
    """AWS::SNS::Topic; Ref answers the ARN."""

    name = "AWS::SNS::Topic"
    allowed = words(
        "ArchivePolicy ContentBasedDeduplication DataProtectionPolicy DeliveryStatusLogging DisplayName "
        "FifoThroughputScope FifoTopic KmsMasterKeyId MaximumMessageSize SignatureVersion Subscription Tags "
        "TopicName TracingConfig"
    )
    beyond = words(
        "ArchivePolicy ContentBasedDeduplication DataProtectionPolicy DeliveryStatusLogging "
        "FifoThroughputScope FifoTopic MaximumMessageSize TracingConfig"
    )
    create_only = words("FifoTopic TopicName")
    name_property = "TopicName"
    tagging = "system"
    attribute_names = words("TopicArn TopicName")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("TopicName") or physical_name(site, 256))
        arn = site.arn("sns", name)
        # CreateTopic twice is the same as once; CloudFormation still refuses to adopt one.
        with Gone("NotFound", "NotFoundException"):
            site.call("sns", "GetTopicAttributes", TopicArn=arn)
            raise HandlerError(f"{arn} already exists")
        given = {key: str(value) for key, value in chosen(properties, SETTINGS).items()}
        tags = tag_list(self.tags(site, properties))
        return str(site.call("sns", "CreateTopic", Name=name, Attributes=given, Tags=tags)["TopicArn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        for name in SETTINGS.split():
            if old and changed(name, new, old):
                setting = {"AttributeName": name, "AttributeValue": str(new.get(name, ""))}
                site.call("sns", "SetTopicAttributes", TopicArn=physical_id, **setting)
        had = old.get("Subscription", [])
        for row in new.get("Subscription", []):
            if row not in had:
                subscribe(site, physical_id, row)
        if old:
            self._retag(site, physical_id, new)

    def _retag(self, site: Site, arn: str, new: Properties) -> None:
        wanted = self.tags(site, new)
        had = site.call("sns", "ListTagsForResource", ResourceArn=arn)["Tags"]
        gone = [row["Key"] for row in had if row["Key"] not in wanted]
        if gone:
            site.call("sns", "UntagResource", ResourceArn=arn, TagKeys=gone)
        site.call("sns", "TagResource", ResourceArn=arn, Tags=tag_list(wanted))

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"TopicArn": physical_id, "TopicName": physical_id.rsplit(":", 1)[-1]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NotFound", "NotFoundException"):
            for row in properties.get("Subscription", []):
                unsubscribe(site, physical_id, row)
            site.call("sns", "DeleteTopic", TopicArn=physical_id)


def subscribe(site: Site, topic: str, row: Properties) -> str:
    """One subscription of a topic; answers its ARN."""
    if row["Protocol"] in ("email", "email-json") and "@" not in str(row.get("Endpoint", "")):
        raise HandlerError("Invalid parameter: Email address (Service: Sns, Status Code: 400)")
    made = site.call(
        "sns",
        "Subscribe",
        TopicArn=topic,
        ReturnSubscriptionArn=True,
        **chosen(row, "Protocol Endpoint"),
    )
    return str(made["SubscriptionArn"])


def unsubscribe(site: Site, topic: str, row: Properties) -> None:
    """Take a subscription of this protocol and endpoint away."""
    found = site.call("sns", "ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    for other in found:
        if (other["Protocol"], other["Endpoint"]) == (row["Protocol"], row.get("Endpoint")):
            site.call("sns", "Unsubscribe", SubscriptionArn=other["SubscriptionArn"])


class TopicPolicy(ResourceType):
    """AWS::SNS::TopicPolicy."""

    name = "AWS::SNS::TopicPolicy"
    allowed = words("PolicyDocument Topics")
    required = allowed
    attribute_names = words("Id")

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        policy = {"AttributeName": "Policy", "AttributeValue": document(new["PolicyDocument"])}
        for topic in new["Topics"]:
            site.call("sns", "SetTopicAttributes", TopicArn=topic, **policy)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        # A topic is never without a policy: it goes back to what every topic begins with.
        owner = {"StringEquals": {"AWS:SourceOwner": site.account}}
        for topic in properties["Topics"]:
            row = {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [
                    "sns:GetTopicAttributes",
                    "sns:SetTopicAttributes",
                    "sns:Subscribe",
                    "sns:Publish",
                ],
                "Resource": topic,
                "Condition": owner,
            }
            text = document({"Version": "2008-10-17", "Statement": [row]})
            with Gone("NotFound", "NotFoundException"):
                site.call(
                    "sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=text
                )


class Subscription(ResourceType):
    """AWS::SNS::Subscription; Ref answers the ARN."""

    name = "AWS::SNS::Subscription"
    allowed = words(
        "DeliveryPolicy Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery RedrivePolicy "
        "Region ReplayPolicy SubscriptionRoleArn TopicArn"
    )
    required = words("Protocol TopicArn")
    beyond = words(
        "DeliveryPolicy FilterPolicy FilterPolicyScope RawMessageDelivery RedrivePolicy Region ReplayPolicy "
        "SubscriptionRoleArn"
    )
    create_only = words("Endpoint Protocol TopicArn")
    attribute_names = words("Arn")

    def create(self, site: Site, properties: Properties) -> str:
        return subscribe(site, str(properties["TopicArn"]), properties)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NotFound", "NotFoundException"):
            site.call("sns", "Unsubscribe", SubscriptionArn=physical_id)


class Budget(ResourceType):
    """AWS::Budgets::Budget; Ref answers the name."""

    name = "AWS::Budgets::Budget"
    allowed = words("Budget NotificationsWithSubscribers ResourceTags")
    required = words("Budget")
    create_only = words("NotificationsWithSubscribers")
    tagging = "stack"
    attribute_names = words("Id")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties["Budget"].get("BudgetName") or physical_name(site, 100))
        tags = {**self.tags(site, {}), **{r["Key"]: r["Value"] for r in properties.get("ResourceTags", [])}}
        site.call(
            "budgets",
            "CreateBudget",
            AccountId=site.account,
            Budget={**properties["Budget"], "BudgetName": name},
            ResourceTags=tag_list(tags),
            **chosen(properties, "NotificationsWithSubscribers"),
        )
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and changed("Budget", new, old):
            wanted = {**new["Budget"], "BudgetName": physical_id}
            site.call("budgets", "UpdateBudget", AccountId=site.account, NewBudget=wanted)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NotFoundException"):
            site.call("budgets", "DeleteBudget", AccountId=site.account, BudgetName=physical_id)


class ScheduleGroup(ResourceType):
    """AWS::Scheduler::ScheduleGroup; it goes with all of its schedules."""

    name = "AWS::Scheduler::ScheduleGroup"
    allowed = words("Name Tags")
    create_only = words("Name")
    name_property = "Name"
    tagging = "system"
    attribute_names = words("Arn CreationDate LastModificationDate State")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("Name") or physical_name(site, 64))
        with Gone("ResourceNotFoundException"):
            site.call("scheduler", "GetScheduleGroup", Name=name)
            raise HandlerError(f"Schedule group {name} already exists.")
        site.call("scheduler", "CreateScheduleGroup", Name=name, Tags=tag_list(self.tags(site, properties)))
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        arn, wanted = site.arn("scheduler", f"schedule-group/{physical_id}"), self.tags(site, new)
        had = site.call("scheduler", "ListTagsForResource", ResourceArn=arn)["Tags"]
        gone = [row["Key"] for row in had if row["Key"] not in wanted]
        if gone:
            site.call("scheduler", "UntagResource", ResourceArn=arn, TagKeys=gone)
        site.call("scheduler", "TagResource", ResourceArn=arn, Tags=tag_list(wanted))

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("scheduler", "GetScheduleGroup", Name=physical_id)
        return {
            "Arn": found["Arn"],
            "State": found["State"],
            "CreationDate": str(found.get("CreationDate", "")),
            "LastModificationDate": str(found.get("LastModificationDate", "")),
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("ResourceNotFoundException"):
            site.call("scheduler", "GetScheduleGroup", Name=physical_id)
            site.call("scheduler", "DeleteScheduleGroup", Name=physical_id)


MESSAGE_TYPES = (Topic(), TopicPolicy(), Subscription(), Budget(), ScheduleGroup())
