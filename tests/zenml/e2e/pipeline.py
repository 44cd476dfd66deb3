"""A user's project: two steps that hand a value on through the stack's artifact store."""

from zenml import pipeline, step


@step
def numbers() -> list[int]:
    return [1, 2, 3]


@step
def total(values: list[int]) -> int:
    return sum(values)


@pipeline(enable_cache=False)
def churn() -> None:
    total(numbers())


if __name__ == "__main__":
    run = churn.with_options(settings={"orchestrator.sagemaker": {"synchronous": False}})()
    assert run is not None
    print(f"run {run.id}")
