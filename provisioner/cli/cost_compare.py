"""`stackwright cost compare`."""

from decimal import Decimal
from typing import Any

import click

from provisioner import cost_text
from provisioner.cli.cost_answer import format_option, show
from provisioner.cli.options import default_region, json_option, now
from provisioner.errors import SpecError


class Amount(click.FloatRange):
    """A number from 0 to its limit; NaN, which compares with nothing, is none."""

    def __init__(self, most: float) -> None:
        super().__init__(0, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if number != number:
            self.fail(f"{value!r} is not an amount.", param, ctx)
        return number


@click.command()
@click.option(
    "--steps",
    type=Amount(1_000_000),
    default=100,
    show_default=True,
    help="Steps a month.",
    show_envvar=True,
)
@click.option(
    "--hours",
    type=Amount(1_000_000),
    default=0.5,
    show_default=True,
    help="Hours a step.",
    show_envvar=True,
)
@click.option(
    "--machine",
    default="medium",
    show_default=True,
    help="small | medium | large, or an instance type as m5.xlarge.",
    show_envvar=True,
)
@click.option("--gpu", is_flag=True, help="The size with a GPU.", show_envvar=True)
@click.option("--spot", is_flag=True, help="On Spot where it is possible.", show_envvar=True)
@click.option(
    "--spot-saving",
    type=Amount(100),
    default=60,
    show_default=True,
    help="What Spot is assumed to save, in percent.",
    show_envvar=True,
)
@click.option("--region", default="", help="AWS region; default: AWS_REGION.", show_envvar=True)
@format_option
@json_option
def compare(
    steps: float,
    hours: float,
    machine: str,
    gpu: bool,
    spot: bool,
    spot_saving: float,
    region: str,
    format_: str,
    as_json: bool,
) -> None:
    """The same work on SageMaker, EC2 and EKS, and from how many hours on which is cheaper.

    \b
    Example:
      stackwright cost compare --steps 200 --hours 2 --gpu --region eu-west-1
      stackwright cost compare --format html > compare.html
    """
    from cost_estimates.compare import Workload, choose_machine
    from cost_estimates.compare import compare as compared
    from cost_estimates.model import BookStamp, CostError
    from cost_estimates.regions import check_region
    from provisioner.cli import price_books

    book, region = price_books.load(), region or default_region()
    try:
        check_region(book, region)
        chosen = choose_machine(book, region, machine, gpu=gpu)
    except CostError as error:
        raise SpecError(error.message, hint=error.hint, field=error.field) from None
    work = Workload(
        steps=Decimal(str(steps)),
        hours=Decimal(str(hours)),
        machine=chosen,
        gpu=gpu,
        spot=spot,
        spot_saving=Decimal(str(spot_saving)),
    )
    stamp = BookStamp(as_of=book.as_of, sha256=book.sha256, stale=book.stale(now().date()))
    value = compared(book, region, work, stamp=stamp).as_dict()
    show("cost_compare", value, cost_text.compare, format_, as_json)
