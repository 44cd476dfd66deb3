"""Write the figures of docs/security.md from score outputs, beside the peers' measured on the same day.

Usage: python scripts/build_score_table.py SCORES... [--peers MEASUREMENTS.md]

SCORES are the JSON files that `score --out FOLDER TEMPLATE...` writes, one column each in the given order;
MEASUREMENTS holds the table of the same tool over other people's templates.
"""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "security.md"
START, END = "<!-- figures -->", "<!-- end of figures -->"
PEERS = ("zenml", "metaflow", "aws-sagemaker-mlflow", "cdk-l2-defaults-eks")

# Words, the places of the numbers in a score, and the row of the peers' table that counts the same.
ROWS = (
    ("resources", ("resources",), "resources"),
    ("cfn-lint errors", ("cfn_lint.errors",), "cfn-lint errors"),
    ("cfn-lint warnings", ("cfn_lint.warnings",), "cfn-lint warnings"),
    ("checkov passed", ("checkov.passed",), "checkov passed"),
    ("checkov failed", ("checkov.failed",), "checkov failed"),
    (
        "cdk-nag errors without IAM5 (`*` inside any ARN)",
        ("nag.errors", "nag.ids.IAM5"),
        "cdk-nag errors without IAM5 (wildcard inside any ARN)",
    ),
    (
        "IAM roles / users / access keys",
        ("iam.roles", "iam.users", "iam.access_keys"),
        "IAM roles / users / access keys",
    ),
    (
        "policies of AWS / *FullAccess",
        ("iam.aws_managed", "iam.full_access"),
        "AWS managed / *FullAccess",
    ),
    ("statements on `*`", ("iam.res_star",), 'Resource "*" stmts'),
    (
        "needless ones",
        ("iam.res_star_needless",),
        "...needless (action supports ARN, no condition)",
    ),
    (
        "action wildcards",
        ("iam.act_wildcard", "iam.act_service_wildcard"),
        "action wildcards (partial / svc:*)",
    ),
    (
        "PassRole on `*` / without PassedToService",
        ("iam.passrole_star", "iam.passrole_no_service_cond"),
        "PassRole on * / without PassedToService",
    ),
    (
        "service trusts without SourceAccount or SourceArn",
        ("iam.trust_service_no_source",),
        "service trusts without SourceAccount/Arn",
    ),
    ("permission boundaries", ("iam.boundaries",), "permission boundaries"),
    ("parliament findings", ("iam.parliament_n",), "parliament findings"),
    (
        "own checks: high / medium / low",
        ("own.high", "own.medium", "own.low"),
        "own checks: high/med/low",
    ),
    ("own checks passed, %", ("own.pass_pct",), "own checks pass %"),
    ("tagged / taggable", ("own.tagged", "own.taggable"), "tagged / taggable"),
)


def number(score: dict[str, Any], place: str) -> Any:
    """Unknown where the tool has no figure; a rule that never fired it leaves out."""
    value: Any = score
    for key in place.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return (0 if place.startswith("nag.ids") else "?") if value is None else value


def ours(score: dict[str, Any], places: tuple[str, ...]) -> str:
    values = [number(score, place) for place in places]
    if "nag.ids.IAM5" in places:
        return str(values[0] - values[1]) if "?" not in values else "?"
    return " / ".join(map(str, values))


def peers(path: Path | None) -> dict[str, dict[str, str]]:
    """Peer -> row -> figure, of the one table in the file that counts resources."""
    if path is None:
        return {}
    lines = [[c.strip() for c in line.strip("|\n ").split("|")] for line in path.read_text().splitlines()]
    (head,) = [line for line in lines if line[0] == "metric"]
    rows = {line[0]: line[1:] for line in lines if len(line) == len(head)}
    return {
        name: {row: cells[at] for row, cells in rows.items()}
        for at, name in enumerate(head[1:])
        if name in PEERS
    }


def table(scores: list[dict[str, Any]], others: dict[str, dict[str, str]], today: date) -> str:
    names = [Path(str(score["template"])).stem for score in scores]
    version = scores[0]["checkov"]["version"]
    lines = [
        f"Measured on {today.isoformat()} (checkov {version}), worst case over all conditions.",
        "",
        f"| figure | {' | '.join([*names, *others])} |",
        "|---" * (len(names) + len(others) + 1) + "|",
    ]
    for words, places, row in ROWS:
        cells = [ours(score, places) for score in scores] + [o.get(row, "?") for o in others.values()]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("scores", nargs="+", type=Path)
    arguments.add_argument("--peers", type=Path)
    given = arguments.parse_args()
    scores = [json.loads(path.read_text()) for path in given.scores]
    made = table(scores, peers(given.peers), date.today())
    before, _, rest = PAGE.read_text().partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n{made}\n{END}{after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
