"""Records the scenes on a real server: `python -m tests.zenml_door.record VERSION URL TOKEN`."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.registry import Registry
from tests.zenml_door.scenes import Stage, door, scenes
from tests.zenml_door.wire import FOLDER, PLANTED, Recorder


def main(version: str, url: str, token: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder()
        server = door(url, token, recorder)
        stage = Stage(server, Registry(Path(folder) / "registry.db"), with_key=True)
        assert server.version == version
        recorder.exchanges.clear()
        del vars(server)["info"]
        told: dict[str, Any] = {}
        for scene, _ in scenes(stage):
            told[scene] = list(recorder.exchanges)
            recorder.exchanges.clear()
        text = as_text(told)
        for secret in (token, *PLANTED):
            text = text.replace(secret, "***")
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{version}.json").write_text(text, encoding="utf-8")


def as_text(told: Mapping[str, Any]) -> str:
    """JSON with one exchange to a line."""
    lines = [
        json.dumps(scene) + ": [\n" + ",\n".join(json.dumps(e, sort_keys=True) for e in exchanges) + "\n]"
        for scene, exchanges in told.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
