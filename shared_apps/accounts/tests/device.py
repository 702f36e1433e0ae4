"""A device that holds passkeys, in software: what a browser's `toJSON()` would send."""

import hashlib
import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

USER_PRESENT, USER_VERIFIED, HAS_CREDENTIAL = 0x01, 0x04, 0x40


class Device:
    """One passkey. `flags` and `origin` may lie."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.rp_id = origin.split("://")[1].split(":")[0]
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(16)
        self.user_handle = b""

    def add(self, options, *, flags=USER_PRESENT | USER_VERIFIED, origin=""):
        """The answer to the options for a new passkey."""
        public = options["publicKey"]
        self.user_handle = websafe_decode(public["user"]["id"])
        data = AttestedCredentialData.create(b"\0" * 16, self.credential_id, ES256.from_cryptography_key(self.key.public_key()))
        auth = AuthenticatorData.create(self._rp_hash(), flags | HAS_CREDENTIAL, 0, data)
        response = {
            "clientDataJSON": self._client_data("webauthn.create", public["challenge"], origin),
            "attestationObject": websafe_encode(AttestationObject.create("none", auth, {})),
            "transports": ["internal"],
        }
        return self._answer(response)

    def show(self, options, *, flags=USER_PRESENT | USER_VERIFIED, origin=""):
        """The answer to the options for showing it."""
        client_data = self._client_data("webauthn.get", options["publicKey"]["challenge"], origin)
        auth = AuthenticatorData.create(self._rp_hash(), flags, 0)
        signed = auth + hashlib.sha256(websafe_decode(client_data)).digest()
        response = {
            "clientDataJSON": client_data,
            "authenticatorData": websafe_encode(auth),
            "signature": websafe_encode(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": websafe_encode(self.user_handle),
        }
        return self._answer(response)

    def _answer(self, response):
        name = websafe_encode(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}

    def _client_data(self, kind, challenge, origin):
        body = {"type": kind, "challenge": challenge, "origin": origin or self.origin, "crossOrigin": False}
        return websafe_encode(json.dumps(body).encode())

    def _rp_hash(self):
        return hashlib.sha256(self.rp_id.encode()).digest()
