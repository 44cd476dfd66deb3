"""One cluster's Kubernetes API on a loopback port, by TLS with an authority of its own."""

from __future__ import annotations

import base64
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from werkzeug.serving import BaseWSGIServer, make_server

from provisioner.emulator.kubernetes_api import KubernetesApi
from provisioner.emulator.kubernetes_state import State

LIFE = timedelta(days=365)
USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


class KubernetesServer:
    """Serves one cluster's state from `start` to `stop`."""

    def __init__(self, *, name: str, version: str) -> None:
        self.state = State(name, version)
        self.authority = ""
        self._server: BaseWSGIServer | None = None

    def start(self) -> str:
        """Serve from now on; answers the endpoint."""
        pair = _Certificates()
        self.authority = base64.b64encode(pair.authority).decode()
        self._server = make_server(
            "127.0.0.1", 0, KubernetesApi(self.state), threaded=True, ssl_context=pair.context()
        )
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"https://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Free the port; nobody waits for it."""
        server, self._server = self._server, None
        if server:
            Thread(target=_close, args=(server,), daemon=True).start()


def _close(server: BaseWSGIServer) -> None:
    server.shutdown()
    server.server_close()


class _Certificates:
    """An authority made for one cluster, and the server's certificate by it."""

    def __init__(self) -> None:
        ca_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        ca = (
            _builder(ca_name, ca_name, ca_key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage("key_cert_sign", "digital_signature"), critical=True)
            .sign(ca_key, hashes.SHA256())
        )
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        hosts = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        own = (
            _builder(name, ca_name, self._key.public_key())
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
            )
            .sign(ca_key, hashes.SHA256())
        )
        self.authority, self._own = ca.public_bytes(Encoding.PEM), own.public_bytes(Encoding.PEM)

    def context(self) -> ssl.SSLContext:
        """For the server; Python reads certificates from files only."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with ExitStack() as stack:
            file = Path(stack.enter_context(TemporaryDirectory())) / "pair.pem"
            secret = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            file.touch(mode=0o600)
            file.write_bytes(secret + self._own)
            made.load_cert_chain(file)
        return made


def _builder(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    moment = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(moment + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in allowed for name in USAGES})
