"""A Metaflow user's flow: one value, handed from step to step through the datastore."""

from metaflow import FlowSpec, step


class ChurnFlow(FlowSpec):
    @step
    def start(self) -> None:
        self.values = [1, 2, 3]
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"total {sum(self.values)}")


if __name__ == "__main__":
    ChurnFlow()
