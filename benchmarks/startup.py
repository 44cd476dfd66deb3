"""Start-up: `--help`, `link`, `plan` as whole processes, beside an interpreter that does nothing."""

import os
import sys
import tempfile
from pathlib import Path

from timing import in_turns, report, whole_process

SCRIPT = str(Path(sys.executable).parent / "stackwright")
WISH = ["--preset", "sagemaker", "--name", "bench", "--region", "us-east-1"]
URL = "https://bench-bucket.s3.us-east-1.amazonaws.com/stackwright/template.json"
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "stackwright --help": [SCRIPT, "--help"],
    "stackwright link": [SCRIPT, "link", *WISH, "--template-url", URL, "--json"],
    "stackwright plan": [SCRIPT, "plan", *WISH, "--json"],
}
TARGETS = {"stackwright --help": "0.10 s", "stackwright link": "0.25 s", "stackwright plan": "0.40 s"}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        env["STACKWRIGHT_HOME"] = home
        times = in_turns({name: lambda c=c: whole_process(c, env=env) for name, c in CASES.items()})
    report("Start-up, whole process, preset shape", times, base="python -c pass", targets=TARGETS)


if __name__ == "__main__":
    main()
