"""`python -m provisioner.emulator [--port N] [--event-delay S]`: serve until told to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from threading import Event


def main() -> None:
    """Print one JSON line with the endpoint when ready, then serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m provisioner.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    parser.add_argument("--event-delay", type=float, default=0.0, help="seconds that each resource takes")
    options = parser.parse_args()
    # The profile of the person who starts it has no meaning here, and a missing one would stop botocore.
    os.environ.pop("AWS_PROFILE", None)
    from provisioner.emulator.server import Emulator

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Emulator(event_delay=options.event_delay, port=options.port) as aws:
        sys.stdout.write(json.dumps({"endpoint": aws.endpoint, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
