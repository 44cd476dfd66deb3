"""The engine prepares a cluster by rights that it takes back, whatever happens on the way."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from provisioner import bootstrap
from provisioner.errors import CheckError, RefusedError

ROLE = "arn:aws:iam::123456789012:role/ops/Admin"
MADE = [
    ("PATCH", "zenml"),
    ("PATCH", "zenml"),
    ("PATCH", "zenml"),
    ("PATCH", "zenml"),
    ("PATCH", "zenml-gpu"),
]
KINDS = ["Namespace", "ServiceAccount", "Role", "RoleBinding", "NodePool"]
Refusal = tuple[str, int]


def run(bed: Any, **outputs: str) -> list[str]:
    """Looks and applies, as the verbs do; what was told."""
    told: list[str] = []
    outlook = bootstrap.look(bed.target(**outputs), bed.doors)
    if not outlook.is_done:
        bootstrap.apply(outlook, doors=bed.doors, tell=told.append)
    return told


def test_an_administrator_needs_no_other_rights(bed: Any) -> None:
    bed.let_in()
    outlook = bootstrap.look(bed.target(), bed.doors)
    assert (outlook.rights, [f.state for f in outlook.findings]) == ("own", ["absent"] * 5)
    run(bed)
    assert (bed.wrote(), [o["kind"] for o in bed.server.objects.values()]) == (MADE, KINDS)
    assert bed.eks.called == [*["describe", "entry"] * 2]


def test_a_second_run_finds_nothing_to_do(bed: Any) -> None:
    bed.let_in()
    run(bed)
    wrote = bed.wrote()
    assert (run(bed), bed.wrote()) == ([], wrote)


def test_a_caller_without_rights_lends_itself_some_and_gives_them_back(bed: Any) -> None:
    outlook = bootstrap.look(bed.target(), bed.doors)
    lent = f"{ROLE} administration of cluster churn-dev"
    words = outlook.words
    assert (words[0], words[-1]) == (f"give {lent}, for as long as this takes", f"take back from {lent}")
    assert all(w.startswith("make or change ") for w in words[1:-1])
    assert (bed.server.entries, bed.wrote()) == ({}, [])
    told = run(bed)
    assert (told[0], told[-1], len(told)) == (words[0], words[-1], 7)
    assert (bed.server.entries, [o["kind"] for o in bed.server.objects.values()]) == ({}, KINDS)


def test_somebodys_own_entry_stays_and_gets_only_the_policy_lent(bed: Any) -> None:
    bed.let_in(admin=False)
    run(bed)
    assert bed.server.entries == {ROLE: {"admin": False, "granted": False, "tags": {}}}
    assert [c for c in bed.eks.called if c not in ("describe", "entry")] == [
        "mark",
        "grant",
        "revoke",
        "unmark",
    ]


def test_a_new_right_of_the_callers_own_is_waited_for_not_taken_away(bed: Any) -> None:
    bed.let_in()
    bed.server.entries[ROLE]["admin"] = False
    run(bed)
    assert bed.server.entries == {ROLE: {"admin": True, "granted": True, "tags": {}}}
    assert not {"mark", "grant", "revoke"} & set(bed.eks.called)


def test_a_lent_right_may_come_into_force_late(bed: Any) -> None:
    bed.eks.late = 2
    run(bed)
    assert (len(bed.server.objects), bed.server.entries) == (5, {})


def test_a_right_that_never_comes_into_force_is_given_back(bed: Any, refusal: Callable[..., Refusal]) -> None:
    bed.eks.late = 9
    assert refusal(lambda: run(bed)) == (f"cluster churn-dev does not let {ROLE} do this yet", 4)
    assert (bed.server.objects, bed.server.entries) == ({}, {})


def test_rights_are_given_back_when_applying_fails(bed: Any, refusal: Callable[..., Refusal]) -> None:
    bed.server.broken["PATCH", "/rolebindings/zenml"] = (500, "etcdserver: request timed out")
    assert refusal(lambda: run(bed)) == ("cluster churn-dev: etcdserver: request timed out", 4)
    assert (bed.server.entries, len(bed.server.objects)) == ({}, 3)
    bed.server.broken.clear()
    run(bed)
    assert (bed.server.entries, len(bed.server.objects)) == ({}, 5)


def test_rights_that_cannot_be_given_back_are_told_first_of_all(bed: Any) -> None:
    bed.server.broken["PATCH", "/roles/zenml"] = (500, "no quorum")
    bed.eks.denied = {"remove"}
    with pytest.raises(RefusedError) as caught:
        run(bed)
    assert caught.value.message == (
        f"{ROLE} still administers cluster churn-dev, which could not be taken back: remove was denied; "
        "before that: cluster churn-dev: no quorum"
    )
    assert "aws eks delete-access-entry --cluster-name churn-dev" in caught.value.hint
    bed.eks.denied, bed.server.broken = set(), {}
    assert bootstrap.look(bed.target(), bed.doors).rights == "left over"
    run(bed)
    assert (bed.server.entries, len(bed.server.objects)) == ({}, 5)


def test_nothing_is_left_behind_where_the_caller_may_not_lend(bed: Any) -> None:
    bed.eks.denied = {"grant"}
    with pytest.raises(RefusedError) as caught:
        run(bed)
    assert caught.value.message == (
        f"{ROLE} does not administer cluster churn-dev and cannot give itself the right: grant was denied"
    )
    assert "admin_principal" in caught.value.hint
    assert bed.server.entries == {}


def test_a_caller_who_may_not_see_entries_is_judged_by_the_cluster_alone(bed: Any) -> None:
    bed.let_in()
    bed.eks.denied = {"entry"}
    run(bed)
    assert len(bed.server.objects) == 5


def test_a_cluster_of_the_old_kind_is_refused_with_the_way_out(bed: Any) -> None:
    bed.eks.authentication = "CONFIG_MAP"
    with pytest.raises(CheckError) as caught:
        bootstrap.look(bed.target(), bed.doors)
    assert caught.value.message == f"cluster churn-dev takes no access entries, and does not let {ROLE} in"
    assert "authenticationMode=API_AND_CONFIG_MAP" in caught.value.hint
    bed.let_in()
    assert bootstrap.look(bed.target(), bed.doors).rights == "own"


def test_drift_is_named_and_mended(bed: Any) -> None:
    bed.let_in()
    run(bed)
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/zenml/roles/zenml"
    made = copy.deepcopy(bed.server.objects[path])
    bed.server.objects[path]["rules"][0]["verbs"] = ["*"]
    outlook = bootstrap.look(bed.target(), bed.doors)
    assert [(f.step.kind, f.paths) for f in outlook.findings if f.state != "same"] == [
        ("Role", ("rules[0].verbs",))
    ]
    assert len(run(bed)) == 1
    assert bed.server.objects[path] == made


def test_a_field_that_somebody_else_set_is_never_overwritten(bed: Any) -> None:
    bed.let_in()
    run(bed)
    pool = "/apis/karpenter.sh/v1/nodepools/zenml-gpu"
    bed.server.objects[pool]["spec"]["limits"]["nodes"] = "9"
    bed.server.managers[pool] = {".spec.limits.nodes": "kubectl-edit"}
    with pytest.raises(RefusedError) as caught:
        run(bed)
    assert (caught.value.code, caught.value.message) == (
        "Conflict",
        "cluster churn-dev: zenml-gpu: somebody else set .spec.limits.nodes "
        '(conflict with "kubectl-edit" using v1)',
    )
    assert "nothing is overwritten" in caught.value.hint
    assert bed.server.objects[pool]["spec"]["limits"]["nodes"] == "9"


def test_a_binding_to_another_role_cannot_be_changed(bed: Any, refusal: Callable[..., Refusal]) -> None:
    bed.let_in()
    run(bed)
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/zenml/rolebindings/zenml"
    bed.server.objects[path]["roleRef"] = {**bed.server.objects[path]["roleRef"], "name": "admin"}
    assert refusal(lambda: run(bed)) == ("cluster churn-dev: roleRef: cannot change roleRef", 4)


def test_a_namespace_that_is_going_is_waited_for_before_anything_is_made(
    bed: Any, refusal: Callable[..., Refusal]
) -> None:
    bed.let_in()
    run(bed)
    bed.server.objects["/api/v1/namespaces/zenml"]["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
    wrote = bed.wrote()
    assert refusal(lambda: run(bed)) == ("/api/v1/namespaces/zenml is being deleted", 3)
    assert bed.wrote() == wrote


def test_a_webhook_that_changes_what_we_make_is_noticed(bed: Any, refusal: Callable[..., Refusal]) -> None:
    bed.let_in()
    bed.server.webhook = lambda body: body["metadata"].pop("labels", None)
    assert refusal(lambda: run(bed)) == (
        "something in the cluster changes /api/v1/namespaces/zenml while it is made: metadata.labels",
        4,
    )


def test_a_gpu_that_is_no_longer_wanted_goes(bed: Any) -> None:
    bed.let_in()
    run(bed)
    told = run(bed, gpu_instance_type="", gpu_max_nodes="")
    assert told == ["remove node pool zenml-gpu: the stack has no GPU"]
    assert [o["kind"] for o in bed.server.objects.values()] == KINDS[:4]
    assert run(bed, gpu_instance_type="", gpu_max_nodes="") == []


# kill -9


class Killed(BaseException):
    """The process is gone: whatever it would still do fails the same way."""


def mortal(bed: Any, dies_at: int) -> bootstrap.Doors:
    """Doors that die before or after the n-th write, and stay dead."""
    state = {"writes": 0, "dead": False}

    def count() -> None:
        if state["dead"] or state["writes"] == dies_at:
            state["dead"] = True
            raise Killed
        state["writes"] += 1

    def step(act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            count()  # right before the write
            result = act(*arguments, **named)
            count()  # right after it
            return result

        return call

    class Dying:
        def __init__(self, real: Any, writes: tuple[str, ...]) -> None:
            self._real, self._writes = real, writes

        def __getattr__(self, name: str) -> Any:
            if state["dead"]:
                raise Killed
            found = getattr(self._real, name)
            return step(found) if name in self._writes else found

    doors = bed.doors
    return bootstrap.Doors(
        caller_arn=doors.caller_arn,
        # Stand-ins that die on the way, for the real doors.
        clusters=Dying(doors.clusters, ("enter", "mark", "grant", "revoke", "remove", "unmark")),  # type: ignore[arg-type]  # see above
        open_api=lambda cluster: Dying(doors.open_api(cluster), ("apply", "delete")),  # type: ignore[arg-type,return-value]  # see above
        pauses=doors.pauses,
    )


@pytest.mark.parametrize("own_entry", [False, True])
def test_killed_between_any_two_steps_the_next_run_goes_on_and_gives_the_rights_back(
    bed: Any, own_entry: bool
) -> None:
    writes = 9 if own_entry else 8  # enter or mark, grant, five objects, then remove, or revoke and unmark
    for dies_at in range(2 * writes):
        bed.server.entries.clear()
        bed.server.objects.clear()
        if own_entry:
            bed.let_in(admin=False)
        before = copy.deepcopy(bed.server.entries)
        doors = mortal(bed, dies_at)
        with pytest.raises(Killed):
            bootstrap.apply(bootstrap.look(bed.target(), doors), doors=doors, tell=lambda words: None)
        run(bed)
        assert bed.server.entries == before, f"killed at {dies_at}"
        assert [o["kind"] for o in bed.server.objects.values()] == KINDS, f"killed at {dies_at}"
    doors = mortal(bed, 2 * writes)
    bed.server.entries.clear()
    bed.server.objects.clear()
    if own_entry:
        bed.let_in(admin=False)
    bootstrap.apply(bootstrap.look(bed.target(), doors), doors=doors, tell=lambda words: None)
