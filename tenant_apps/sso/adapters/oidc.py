"""OpenID Connect: authorization code with PKCE (OIDC Core 3.1, RFC 7636, RFC 9207), ID tokens with asymmetric signatures only."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import jwt
from kernel import crypto
from kernel.fetching import Answer, FetchRefused, fetch, read_address

from tenant_apps.sso.registry import PROTOCOLS, Departure, Provider, ProviderFailed

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_FAMILIES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_REQUIRED: Final = ["iss", "aud", "exp", "iat", "sub", "nonce"]
_LEEWAY_SECONDS: Final = 60
_ERROR: Final = re.compile(r"[a-z_]{1,40}", re.ASCII)
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4000}", re.ASCII)
_REMEMBERED: Final = ("issuer", "token_endpoint", "jwks_uri", "userinfo_endpoint")
# Why a token counts for nothing, in one word each; the order matters, since some are kinds of others.
_CAUSES: Final = (
    (jwt.MissingRequiredClaimError, "token-incomplete"),
    (jwt.ExpiredSignatureError, "token-expired"),
    (jwt.ImmatureSignatureError, "token-early"),
    (jwt.InvalidAudienceError, "token-audience"),
    (jwt.InvalidIssuerError, "token-issuer"),
    (jwt.InvalidAlgorithmError, "token-algorithm"),
    (jwt.InvalidSignatureError, "token-signature"),
)


@PROTOCOLS.register("oidc")
class OpenIdConnect:
    """Asks an OpenID Connect provider."""

    label = "OpenID Connect"

    def depart(self, provider: Provider, state: str) -> Departure:
        found = _discover(provider.issuer)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": provider.return_address,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = found["authorization_endpoint"]
        glue = "&" if "?" in address else "?"
        kept = {name: found[name] for name in _REMEMBERED}
        kept["methods"] = found["methods"]
        return Departure(f"{address}{glue}{urlencode(query)}", {**kept, "nonce": nonce, "verifier": verifier})

    def arrive(self, provider: Provider, answer: Mapping[str, str], remembered: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON
        if "error" in answer:
            error = answer["error"]
            raise ProviderFailed(f"provider-said-{error}" if _ERROR.fullmatch(error) else "provider-error")
        if answer.get("iss", provider.issuer) != provider.issuer or remembered["issuer"] != provider.issuer:
            raise ProviderFailed("issuer-mixed-up")
        tokens = _redeem(provider, answer.get("code", ""), remembered)
        claims = _verified(str(tokens.get("id_token", "")), provider, remembered)
        return _completed(claims, tokens, remembered["userinfo_endpoint"])


def _discover(issuer: str) -> dict[str, str]:
    found = _json(_ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration", "discovery"), "discovery")
    if found.get("issuer") != issuer:  # the whole name, never a part of it
        raise ProviderFailed("discovery-issuer")
    wanted = {name: str(found.get(name) or "") for name in ("authorization_endpoint", *_REMEMBERED)}
    for name, address in wanted.items():
        if address or name != "userinfo_endpoint":
            _check(address, "discovery-address")
    methods = found.get("token_endpoint_auth_methods_supported")
    known = [str(method) for method in methods] if isinstance(methods, list) else ["client_secret_basic"]
    return {**wanted, "methods": "post" if "client_secret_basic" not in known else "basic"}


def _redeem(provider: Provider, code: str, remembered: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON
    if not _TOKEN.fullmatch(code):
        raise ProviderFailed("code-missing")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.return_address,
        "code_verifier": remembered["verifier"],
    }
    headers: dict[str, str] = {}
    if remembered["methods"] == "basic" and provider.client_secret:
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"  # RFC 6749, 2.3.1
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": provider.client_id}
        form |= {"client_secret": provider.client_secret} if provider.client_secret else {}
    return _json(_ask(remembered["token_endpoint"], "token", form=form, headers=headers), "token")


def _verified(token: str, provider: Provider, remembered: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON
    try:
        algorithm = str(jwt.get_unverified_header(token).get("alg"))
    except jwt.InvalidTokenError as error:
        raise ProviderFailed("token-unreadable") from error
    if algorithm not in ALGORITHMS:
        raise ProviderFailed("token-algorithm")
    key = _key(token, algorithm, remembered["jwks_uri"])
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": _REQUIRED, "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ProviderFailed(next((cause for kind, cause in _CAUSES if isinstance(error, kind)), "token-invalid")) from error
    if not crypto.same(str(claims["nonce"]), remembered["nonce"]):
        raise ProviderFailed("token-nonce")
    has_many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if has_many else provider.client_id) != provider.client_id:
        raise ProviderFailed("token-audience")
    if not claims["sub"] or len(claims["sub"]) > 255:
        raise ProviderFailed("token-subject")
    return claims


def _key(token: str, algorithm: str, address: str) -> jwt.PyJWK:
    """The one key that may have signed: of the algorithm's family, meant for signatures, with the id that the token names."""
    wanted = jwt.get_unverified_header(token).get("kid")
    keys = _json(_ask(address, "keys"), "keys").get("keys")
    fitting = [
        key
        for key in (keys if isinstance(keys, list) else [])
        if isinstance(key, dict)
        and key.get("kty") == _FAMILIES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (wanted is None or key.get("kid") == wanted)
    ]
    if len(fitting) != 1:
        raise ProviderFailed("key-unknown")
    try:
        return jwt.PyJWK(fitting[0], algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ProviderFailed("key-unreadable") from error


def _completed(claims: dict[str, Any], tokens: Mapping[str, Any], address: str) -> dict[str, Any]:  # Any: JSON
    """Where the ID token names no e-mail address, what the provider says of the same subject when asked."""
    if "email" in claims or not address or not _TOKEN.fullmatch(str(tokens.get("access_token", ""))):
        return claims
    more = _json(_ask(address, "userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}), "userinfo")
    if more.get("sub") != claims["sub"]:
        raise ProviderFailed("userinfo-subject")
    return {**more, **claims}


def _check(address: str, cause: str) -> None:
    try:
        read_address(address)
    except FetchRefused as refused:
        raise ProviderFailed(cause) from refused


def _ask(address: str, what: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    try:
        answer = fetch(address, form=form, headers=headers)
    except FetchRefused as refused:
        raise ProviderFailed(f"{what}-{refused.cause}") from refused
    if answer.status != 200:
        raise ProviderFailed(f"{what}-refused")
    return answer


def _json(answer: Answer, what: str) -> dict[str, Any]:  # Any: JSON
    try:
        return answer.json()
    except FetchRefused as refused:
        raise ProviderFailed(f"{what}-{refused.cause}") from refused
