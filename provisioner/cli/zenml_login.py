"""Where a login for a ZenML server comes from: the environment, for its own address only, or the keyring."""

import json
import os
from dataclasses import replace
from typing import Any

from provisioner.errors import SpecError
from provisioner.zenml.server import Credential, CredentialKind, is_credential

_SERVICE = "stackwright-zenml"
# The first that is set is taken. ZenML's own variables say which server they are for, and so do ours.
_VARIABLES: tuple[tuple[CredentialKind, str, str], ...] = (
    ("api_key", "STACKWRIGHT_ZENML_API_KEY", "STACKWRIGHT_ZENML_URL"),
    ("token", "STACKWRIGHT_ZENML_TOKEN", "STACKWRIGHT_ZENML_URL"),
    ("password", "STACKWRIGHT_ZENML_PASSWORD", "STACKWRIGHT_ZENML_URL"),
    ("api_key", "ZENML_STORE_API_KEY", "ZENML_STORE_URL"),
    ("token", "ZENML_STORE_API_TOKEN", "ZENML_STORE_URL"),
)


def environment_url() -> str:
    """The address that ZenML's own client would use; ours comes with an option of its own."""
    return os.environ.get("ZENML_STORE_URL", "").rstrip("/")


def find(url: str) -> Credential | None:
    """The environment's where it is for this server, else the keyring's.

    A secret goes only where it was made for: whoever changes an address in stack.yaml gets nobody's key.
    """
    return _of_environment(url) or _of_keyring(url)


def source(url: str) -> str:
    """In words, for people."""
    if _of_environment(url):
        return "the environment"
    return "the keyring" if _of_keyring(url) else "nowhere"


def _of_environment(url: str) -> Credential | None:
    for kind, variable, address in _VARIABLES:
        secret = os.environ.get(variable, "").strip()
        if secret and os.environ.get(address, "").rstrip("/") == url:
            name = os.environ.get("STACKWRIGHT_ZENML_USERNAME", "default") if kind == "password" else ""
            return Credential(kind=kind, secret=checked(secret, variable, kind), username=name)
    return None


def checked(secret: str, source: str, kind: CredentialKind = "api_key") -> str:
    """Without white space around it; raises SpecError that names the source, never the secret."""
    secret = secret.strip()
    # A password goes in a form, which holds all letters there are.
    if secret and not (secret.isprintable() if kind == "password" else is_credential(secret)):
        raise SpecError(
            f"{source} holds a line break or a character that no key or token has",
            hint="copy it again: one line of ASCII letters, digits and signs",
            field=source,
        )
    return secret


def _of_keyring(url: str) -> Credential | None:
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        kept = keyring.get_password(_SERVICE, url)
        held = json.loads(kept) if kept else None
        found = Credential(**held) if held else None
        return replace(found, secret=checked(found.secret, "the keyring", found.kind)) if found else None
    except (keyring.errors.KeyringError, SpecError, ValueError, TypeError, AttributeError):
        return None


def check_keeps(kind: CredentialKind) -> None:
    """Raises SpecError where no keyring keeps anything, before a secret is asked for."""
    keyring = _keyring()
    if keyring is None:
        raise SpecError(
            "the keyring package is not installed",
            hint=f"pip install 'stackwright[keyring]', or {_instead(kind)}",
        )
    from keyring.backends import fail, null

    if isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring):
        raise SpecError("this machine has no keyring that keeps secrets", hint=_instead(kind))


def _instead(kind: CredentialKind) -> str:
    variable = next(v for k, v, _ in _VARIABLES if k == kind)
    names = ["STACKWRIGHT_ZENML_URL", variable]
    if kind == "password":
        names.insert(1, "STACKWRIGHT_ZENML_USERNAME")
    return f"set {', '.join(names[:-1])} and {names[-1]} instead"


def keep(url: str, credential: Credential) -> None:
    """Into the keyring; raises SpecError where there is none."""
    check_keeps(credential.kind)
    keyring = _keyring()
    held = {"kind": credential.kind, "secret": credential.secret, "username": credential.username}
    try:
        keyring.set_password(_SERVICE, url, json.dumps(held))
    except keyring.errors.KeyringError as error:
        raise SpecError(
            f"this machine keeps no secrets: {type(error).__name__}", hint=_instead(credential.kind)
        ) from None


def forget(url: str) -> bool:
    """Whether there was anything to forget."""
    keyring = _keyring()
    if keyring is None or _of_keyring(url) is None:
        return False
    keyring.delete_password(_SERVICE, url)
    return True


def _keyring() -> Any:
    try:
        import keyring
        import keyring.errors  # its errors are named beside it
    except ImportError:
        return None
    return keyring
