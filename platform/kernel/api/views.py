"""The base of all API views: it checks one permission code and names the actor."""

import contextlib
from typing import Any, ClassVar

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from kernel import tenancy
from kernel.actors import SYSTEM, Actor, acting_as, current_actor
from kernel.permissions import require
from kernel.problems import FieldError, NotAllowed, NotAuthenticated, ValidationProblem
from kernel.proofs import require_proof
from kernel.refusals import note_refusal


class ApiView(APIView):
    """Subclasses set `permission` (or `permissions_by_method`). The actor is entered for the whole call.

    `is_own` routes are about one's own log-in: a session needs no permission for them, a key does. Methods in `proof_methods` want a
    session whose person has just shown that it is them; a key shows nothing, what it may do stands in its scopes.

    HEAD is answered like GET. OPTIONS is not a method here: what a route takes stands in the OpenAPI document.
    """

    http_method_names: ClassVar[list[str]] = ["get", "post", "put", "patch", "delete", "head"]  # type: ignore[misc]  # DRF's is an instance attribute

    permission: ClassVar[str] = ""
    permissions_by_method: ClassVar[dict[str, str]] = {}
    is_own: ClassVar[bool] = False
    proof_methods: ClassVar[frozenset[str]] = frozenset()

    def check_permissions(self, request: Request) -> None:
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        super().check_permissions(request)
        if not request.user.is_authenticated:
            raise NotAuthenticated
        self._entered.enter_context(acting_as(actor_of(request)))
        method = "GET" if request.method == "HEAD" else request.method or ""
        code = self.permissions_by_method.get(method, self.permission)
        if not code:
            raise NotAllowed("This route names no permission")
        if request.auth is not None or not self.is_own:
            require(request.user, code)
        if request.auth is None and method in self.proof_methods:
            require_proof(request._request)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:  # Any: DRF's own signature
        with contextlib.ExitStack() as self._entered:
            return super().dispatch(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Any:  # Any: DRF's own signature
        """A refusal to somebody we know leaves an audit entry; what the call did before was taken back with its unit of work."""
        if isinstance(exc, NotAllowed) and current_actor() is not SYSTEM:
            note_refusal(method=str(self.request.method), path=str(self.request.path), reason=str(exc.detail), ids=self.kwargs.values())
        return super().handle_exception(exc)

    @property
    def user(self) -> Any:  # Any: the user model of the project
        """The authenticated user; check_permissions has refused everybody else."""
        return self.request.user

    def read(self, serializer_class: type[BaseSerializer[Any]], data: Any) -> dict[str, Any]:  # Any: JSON
        """The validated body. Raises DRF's ValidationError, which becomes a 422 problem."""
        serializer = serializer_class(data=data, context={"request": self.request})
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def query(self, serializer_class: type[BaseSerializer[Any]]) -> dict[str, Any]:  # Any: JSON
        """The validated query parameters; unknown and repeated ones are refused."""
        parameters = self.request.query_params
        repeated = [name for name in parameters if len(parameters.getlist(name)) > 1]
        if repeated:
            raise ValidationProblem([FieldError(f"/{name}", "repeated", "Send this parameter once") for name in repeated])
        return self.read(serializer_class, {name: parameters.get(name) for name in parameters})


class PublicApiView(ApiView):
    """For who cannot be signed in yet. Nobody is authenticated, and the actor is the system; what proves a right stands in the request.

    `is_sign_in` routes take a proof of who one is, and answer 401 where it is wrong.
    """

    authentication_classes = ()
    is_sign_in: ClassVar[bool] = False

    def check_permissions(self, request: Request) -> None:
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method or "")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # Any: DRF's own signature
        APIView.initial(self, request, *args, **kwargs)


def actor_of(request: Request) -> Actor:
    """The actor behind an authenticated request: the key where one was sent, acting for its user, otherwise the user."""
    user: Any = request.user  # the project's own model
    key: Any = request.auth
    person = Actor(kind="user" if tenancy.current_scope().tenant else "operator", id=user.public_id, name=user.name)
    if key is not None and hasattr(key, "public_id"):
        return Actor(kind="api_key", id=key.public_id, name=f"{user.name} ({key.name})", on_behalf_of=person)
    return person
