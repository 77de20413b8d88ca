"""Somebody who signs tokens: keys, an address on loopback where they are published, and tokens."""

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.servers import HOST

NAME, AUDIENCE = "https://issuer.example/", "https://music.example/"
LISTENER = "recs:read events:write users:write"
AT_JWT = "at+jwt"


@cache
def rsa_key(name: str = "one", bits: int = 2_048) -> rsa.RSAPrivateKey:
    """Made once in a process; `name` tells them apart."""
    return rsa.generate_private_key(65_537, bits)


@cache
def ec_key(name: str = "one") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key(name: str = "one") -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> bytes:
    """The public half, as people paste it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(key: Any, kid: str, algorithm: str = "RS256", **more: Any) -> dict[str, Any]:
    """The public half as it is published; of RSA with its algorithm, as most issuers do."""
    made = jwt.get_algorithm_by_name(algorithm)
    members = made.to_jwk(key.public_key(), as_dict=True)
    members.pop("key_ops", None)
    return members | {"kid": kid, "use": "sig", "alg": algorithm} | more


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def coded(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def claims(**more: Any) -> dict[str, Any]:
    """Those of a good token of Ada; None takes one out."""
    now = int(time.time())
    good = {
        "iss": NAME, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600,
        "scope": LISTENER,
    }  # fmt: skip
    return {name: value for name, value in (good | more).items() if value is not None}


def token(
    said: dict[str, Any] | bytes | None = None,
    *,
    key: Any = None,
    algorithm: str = "RS256",
    head: dict[str, Any] | bytes | None = None,
) -> str:
    """Signed with `key`, whatever its header says; bytes stand as they are, None takes one out."""
    told = {"alg": algorithm, "kid": "one", "typ": AT_JWT}
    if not isinstance(head, bytes):
        told = {name: value for name, value in (told | (head or {})).items() if value is not None}
    written = head if isinstance(head, bytes) else json.dumps(told).encode()
    body = said if isinstance(said, bytes) else json.dumps(said or claims()).encode()
    text = f"{coded(written)}.{coded(body)}"
    made = jwt.get_algorithm_by_name(algorithm)
    return f"{text}.{coded(made.sign(text.encode(), key or rsa_key()))}"


class KeyServer:
    """Publishes keys, as well or badly as `answer` does. `asked`: how often."""

    def __init__(self, body: bytes) -> None:
        self.body, self.status, self.headers = body, 200, dict[str, str]()
        self.asked, self.wait_s = 0, 0.0
        self.write: Callable[[Any], None] | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                time.sleep(outer.wait_s)
                self.send_response(outer.status)
                for name, value in {
                    "Content-Length": str(len(outer.body)),
                    **outer.headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                if outer.write is None:
                    self.wfile.write(outer.body)
                else:
                    outer.write(self.wfile)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}/keys"

    def stop(self) -> None:
        """Nobody listens there any more; may be called twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
