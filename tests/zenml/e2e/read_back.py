"""Another process of the user's: what a run wrote, loaded from the artifact store, and where it lies."""

import json
import sys

from zenml.client import Client

run = Client().get_pipeline_run(sys.argv[1])
outputs = {name: step.outputs["output"][0] for name, step in run.steps.items()}
told = {name: {"value": artifact.load(), "uri": artifact.uri} for name, artifact in outputs.items()}
print(json.dumps({"status": run.status.value, "outputs": told}))
