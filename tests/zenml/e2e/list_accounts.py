"""A Kubernetes user: the service accounts of the context's namespace, and what is refused."""

import json

from kubernetes import client, config

config.load_kube_config()
_, context = config.list_kube_config_contexts()
api = client.CoreV1Api()
accounts = api.list_namespaced_service_account(context["context"]["namespace"])
try:
    api.list_namespace()
    refused = 0
except client.ApiException as error:
    refused = error.status
print(json.dumps({"accounts": [a.metadata.name for a in accounts.items], "refused": refused}))
