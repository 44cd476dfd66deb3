"""Suggested stacks: what is found fills a preset's slots, what is missing is to be built."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from provisioner import spec as specs
from provisioner.errors import SpecError
from provisioner.fit import Answer, Fitness
from provisioner.scan import suggest
from provisioner.scan.table import GLOBAL, Found

ACCOUNT, REGION = "111122223333", "eu-central-1"
GOOD: Mapping[str, object] = {
    "public_access_blocked": True,
    "encrypted": True,
    "locked": False,
    "requester_pays": False,
    "acls_disabled": True,
    "versioned": True,
}
# What ZenML's own documents give such roles.
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def thing(kind: str, arn: str, *, region: str = REGION, account: str = ACCOUNT, **more: Any) -> Found:
    name = arn.rpartition("/")[2].rpartition(":")[2]
    return Found(arn=arn, account=account, region=region, kind=kind, name=name, **{"tags": {}, **more})


def bucket(name: str, region: str = REGION, *, account: str = ACCOUNT, **more: Any) -> Found:
    tags = more.pop("tags", {})
    return thing(
        "bucket",
        f"arn:aws:s3:::{name}",
        region=region,
        account=account,
        tags=tags,
        attributes={**GOOD, **more},
    )


def repository(name: str, region: str = REGION, *, tags: Any = None, **attributes: Any) -> Found:
    told = {"tags_can_move": True, "scanned_on_push": True, **attributes}
    arn = f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"
    return thing("repository", arn, region=region, tags=tags or {}, attributes=told)


def role(name: str, *, policies: Any = (ALL,), **attributes: Any) -> Found:
    told = {"trusts_sagemaker": True, "guarded_trust": True, "no_full_access": True}
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    return thing("role", arn, region=GLOBAL, attributes={**told, "policies": list(policies), **attributes})


def only_on(name: str) -> Any:
    """All that jobs need, but data in one bucket alone."""
    elsewhere = {
        "Effect": "Deny",
        "Action": "s3:*",
        "NotResource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    return {"Version": "2012-10-17", "Statement": [*ALL["Statement"], elsewhere]}


def cluster(name: str, **attributes: Any) -> Found:
    arn = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}"
    told = {
        "active": True,
        "version": "1.34",
        "auto_mode": True,
        "endpoint_public": True,
        "endpoint_narrow": True,
    }
    return thing("cluster", arn, attributes={**told, "authentication": "API", **attributes})


def ranked(*found: Found) -> list[dict[str, Any]]:
    return suggest.rank(found).as_dicts()


def components(*found: Found) -> dict[str, dict[str, str]]:
    """Orchestrator -> its components."""
    return {s["flavors"]["orchestrator"]: s["components"] for s in ranked(*found)}


def test_a_bucket_a_repository_and_a_role_are_a_whole_stack() -> None:
    store, registry, execution = bucket("churn-data"), repository("churn"), role("churn-exec")
    first, second = ranked(store, registry, execution)
    assert first == {
        "rank": 1,
        "account": ACCOUNT,
        "region": REGION,
        "components": {
            "artifact_store": store.arn,
            "container_registry": registry.arn,
            "orchestrator": execution.arn,
            "step_operator": execution.arn,
        },
        "flavors": {
            "artifact_store": "s3",
            "container_registry": "ecr",
            "orchestrator": "sagemaker",
            "step_operator": "sagemaker",
        },
        "score": 100.0,
        "missing": [],
        "monthly_usd": 0,
        "why": {
            "artifact_store": "100 points: fit; also named churn…",
            "container_registry": "100 points: fit; also named churn…",
            "orchestrator": "100 points: fit; also named churn…",
            "step_operator": "100 points: fit; also named churn…",
        },
        "checks": [
            {
                "id": "quota",
                "ok": None,
                "severity": "warning",
                "reason": "the account's quotas let its jobs run here",
                "detail": "",
            }
        ],
    }
    assert (second["flavors"]["orchestrator"], second["score"]) == ("local", 83.3)
    # The role is of use there, too: for single steps.
    assert second["components"]["step_operator"] == execution.arn


def test_what_is_not_there_is_to_be_built_and_has_no_price_yet() -> None:
    (sagemaker, local) = ranked(bucket("team"))[::-1]
    assert sagemaker["components"] == {
        "artifact_store": "arn:aws:s3:::team",
        "container_registry": "build",
        "orchestrator": "build",
        "step_operator": "build",
    }
    assert sagemaker["missing"] == ["container_registry", "orchestrator", "step_operator"]
    assert (sagemaker["score"], sagemaker["monthly_usd"]) == (55.0, None)
    assert sagemaker["why"]["orchestrator"] == "40 points: none that was found fits"
    # The local orchestrator is no part that anybody builds.
    assert local["missing"] == ["container_registry"]
    assert "orchestrator" not in local["components"]


def test_what_is_unfit_is_never_suggested() -> None:
    assert ranked(bucket("open", public_access_blocked=False, public_by_policy=True)) == []
    (first, *_) = ranked(bucket("team"), repository("fixed", tags_can_move=False))
    assert first["components"]["container_registry"] == "build"


def test_roles_alone_are_no_reason_for_a_stack_in_any_region() -> None:
    assert ranked(role("exec")) == []


def test_what_surely_fits_comes_before_what_may() -> None:
    unknown = thing("bucket", "arn:aws:s3:::aaa")
    poor = bucket("zzz", encrypted=False, locked=True, requester_pays=True, acls_disabled=False)
    assert components(unknown, poor)["local"]["artifact_store"] == poor.arn
    assert components(unknown)["local"]["artifact_store"] == unknown.arn


def test_a_cluster_brings_its_own_stack_and_nobody_is_advised_to_build_one() -> None:
    found = cluster("ml")
    stack = components(bucket("team"), repository("churn"), found)["eks"]
    assert stack["orchestrator"] == found.arn
    # Its preset builds images with CodeBuild.
    assert stack["image_builder"] == "build"
    assert set(components(bucket("team"))) == {"sagemaker", "local"}


def test_of_equals_those_of_one_team_go_together() -> None:
    stack = components(
        bucket("aardvark", tags={"Team": "sales"}),
        bucket("zebra", tags={"Team": "churn"}),
        repository("alpha"),
        repository("omega", tags={"team": "churn"}),
    )["local"]
    assert stack["artifact_store"] == "arn:aws:s3:::zebra"
    assert stack["container_registry"].endswith("/omega")


def quotas(*values: int, region: str = REGION) -> list[Found]:
    """Those of SageMaker jobs, in the order of their names."""
    return [
        Found(
            arn=f"arn:aws:servicequotas:{region}:{ACCOUNT}:sagemaker/L-{number}",
            account=ACCOUNT,
            region=region,
            kind="job_quota",
            name=suggest.QUOTAS[number],
            attributes={"value": value},
        )
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "ok", "detail", "score"),
    [
        ((4, 4), True, "", 100.0),
        ((4, 0), False, "ml.m5.xlarge for training job usage is 0", 90.0),
        ((0, 0), False, ", ".join(f"{name} is 0" for name in suggest.QUOTAS), 90.0),
        ((4,), None, "", 100.0),
        ((), None, "", 100.0),
    ],
)
def test_a_stack_whose_jobs_may_not_run_says_so(
    values: tuple[int, ...], ok: bool | None, detail: str, score: float
) -> None:
    there = [bucket("churn-data"), repository("churn"), role("churn-exec")]
    elsewhere = quotas(0, 0, region="eu-west-1")
    first, second = ranked(*quotas(*values), *elsewhere, *there)
    words = "the account's quotas let its jobs run here"
    check = {"id": "quota", "ok": ok, "severity": "warning", "reason": words, "detail": detail}
    assert (first["score"], first["checks"]) == (score, [check])
    # The local orchestrator needs none.
    assert second["checks"] == []


def test_kinship_outweighs_no_warning() -> None:
    stack = components(
        bucket("plain"),
        bucket("churn", encrypted=False, tags={"team": "churn"}),
        repository("churn", tags={"team": "churn"}),
    )["local"]
    assert stack["artifact_store"] == "arn:aws:s3:::plain"


def test_the_role_is_one_that_reaches_the_chosen_bucket() -> None:
    stack = components(
        bucket("team"),
        repository("churn"),
        role("a-elsewhere", policies=[only_on("other")]),
        role("b-here", policies=[only_on("team")]),
    )["sagemaker"]
    assert stack["orchestrator"].endswith("role/b-here")


def test_a_role_that_reaches_another_bucket_only_is_not_taken() -> None:
    stack = components(bucket("team"), repository("churn"), role("elsewhere", policies=[only_on("other")]))
    assert stack["sagemaker"]["orchestrator"] == "build"


def test_accounts_and_regions_are_never_mixed() -> None:
    other = "444455556666"
    made = ranked(
        bucket("aaa"),
        repository("aaa", region="us-east-1"),
        bucket("bbb", account=other),
        bucket("ccc", account=other),
    )
    places = {(s["account"], s["region"]) for s in made}
    assert places == {(ACCOUNT, REGION), (ACCOUNT, "us-east-1"), (other, REGION)}
    for one in made:
        if one["region"] == "us-east-1":
            assert one["components"]["artifact_store"] == "build"


def test_ten_thousand_buckets_are_ranked_slot_by_slot() -> None:
    def many() -> Iterator[Found]:
        yield from (bucket(f"b{n:05}", encrypted=n == 7777) for n in range(10_000))
        yield from (repository(f"r{n:05}") for n in range(2_000))

    made = suggest.rank(many())
    assert made.of == 2
    assert made.suggestions[0].as_dict(1)["components"]["artifact_store"] == "arn:aws:s3:::b07777"


def test_only_the_best_are_kept_and_all_are_counted() -> None:
    made = suggest.rank((bucket("bbb", account=f"{n:012}") for n in range(50)), most=3)
    assert (len(made.suggestions), made.of) == (3, 100)
    assert [s.account for s in made.suggestions] == ["000000000000", "000000000001", "000000000002"]


def test_the_order_of_what_was_found_changes_nothing() -> None:
    found = [
        bucket("aaa"),
        bucket("bbb", tags={"team": "x"}),
        repository("r"),
        role("x"),
        role("y"),
        cluster("kk"),
    ]
    assert ranked(*found) == ranked(*reversed(found))


def answer(ok: bool | None, severity: Any) -> Answer:
    return Answer(id="any", ok=ok, severity=severity, reason="")


@pytest.mark.parametrize(
    ("verdict", "answers", "points"),
    [
        ("fit", [], 100),
        ("fit", [answer(False, "warning")], 90),
        ("fit", [answer(None, "warning")], 95),
        ("fit", [answer(False, "info")], 98),
        ("fit", [answer(False, "warning")] * 9, 60),
        ("unknown", [answer(None, "error")], 47.5),
        ("unknown", [answer(None, "error"), *[answer(False, "warning")] * 9], 5),
        ("unfit", [answer(False, "error")], 0),
    ],
)
def test_points_by_severity(verdict: Any, answers: list[Answer], points: float) -> None:
    assert suggest.points(Fitness(verdict=verdict, checks=tuple(answers))) == points


# What becomes of a suggestion


@pytest.mark.parametrize(
    "found", [[], [repository("r")], [repository("r"), role("x")], [cluster("kk"), role("x")]]
)
def test_every_suggestion_is_a_spec_that_can_be_planned(found: list[Found]) -> None:
    for one in ranked(bucket("team"), *found):
        spec = specs.parse(suggest.wish(one, name="mixed"))
        assert {w.component.type: w.reuse or "build" for w in spec.components} == {
            "orchestrator": "build",
            **one["components"],
        }


def test_a_price_is_that_of_the_whole_mixed_stack_or_unknown() -> None:
    one = ranked(bucket("team"))[0]
    known = {"total": {"typical": 1.5}, "unknown": 0}
    assert suggest.priced(one, known)["monthly_usd"] == 1.5
    assert suggest.priced(one, {**known, "unknown": 2})["monthly_usd"] is None
    assert suggest.priced(one, None)["monthly_usd"] is None


def test_a_suggestion_is_picked_by_its_rank() -> None:
    made = ranked(bucket("team"))
    assert suggest.pick(made, 2) == made[1]


@pytest.mark.parametrize(
    ("suggestions", "message"),
    [
        ([], "the scan suggests no stack"),
        ("no list", "the scan suggests no stack"),
        ([{"rank": 1}], "suggestion 1 is none that this stackwright wrote"),
        (
            [
                {
                    "rank": 1,
                    "account": "1",
                    "region": "r",
                    "components": {},
                    "flavors": {"orchestrator": "moon"},
                }
            ],
            "suggestion 1 is none that this stackwright wrote",
        ),
        ([{"rank": 2}], "there is no suggestion 1"),
    ],
)
def test_what_is_no_suggestion_is_told(suggestions: object, message: str) -> None:
    with pytest.raises(SpecError) as told:
        suggest.pick(suggestions, 1)
    assert told.value.message == message
