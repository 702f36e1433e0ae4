"""The API of members: who they are, which roles they hold, the end of their access, and why they may do something."""

import uuid
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from kernel.api.pagination import CursorQuerySerializer, page_body
from kernel.api.serializers import StrictSerializer
from kernel.api.views import ApiView
from kernel.problems import FieldError, NotFound, ValidationProblem
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from shared_apps.accounts.models import User
from shared_apps.events.idempotency import IdempotentPostView

from tenant_apps.access import selectors, services
from tenant_apps.access.explaining import EXPLAINED, explain
from tenant_apps.access.permissions import CATALOGUE
from tenant_apps.access.scopes import SCOPES, Scope

READ, MANAGE = "organization.member.read", "access.member.manage"
SCOPE_KINDS = [("team", "team"), ("inbox", "inbox")]
OBJECT_KINDS = [("ticket", "ticket")]


class AssignmentSerializer(StrictSerializer):
    """One role of a member. Without a scope it is held for the whole tenant."""

    id = serializers.UUIDField()
    role = serializers.CharField()
    scope_kind = serializers.CharField(allow_blank=True)
    scope_id = serializers.UUIDField(allow_null=True)
    scope_name = serializers.CharField(allow_blank=True)


class MemberSerializer(StrictSerializer):
    """Someone who is or was a member."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField()
    is_active = serializers.BooleanField()
    roles = AssignmentSerializer(many=True)


class MemberPageSerializer(StrictSerializer):
    """A page of members by name."""

    results = MemberSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class MemberQuerySerializer(StrictSerializer, CursorQuerySerializer):
    """The query of the member list."""

    search = serializers.CharField(required=False, max_length=80, help_text="Part of a name or address")


@extend_schema_serializer(examples=[OpenApiExample("For the whole tenant", value={"role": "agent"}, request_only=True)])
class AssignmentCreateSerializer(StrictSerializer):
    """A role, for the whole tenant or for one team or inbox."""

    role = serializers.CharField(max_length=32)
    scope_kind = serializers.ChoiceField(choices=SCOPE_KINDS, required=False)
    scope_id = serializers.UUIDField(required=False)


@extend_schema_serializer(examples=[OpenApiExample("Leave the open work to nobody", value={"reassign_to": None}, request_only=True)])
class DeactivationSerializer(StrictSerializer):
    """Who gets the member's open tickets; null for nobody."""

    reassign_to = serializers.UUIDField(allow_null=True)


class DeactivatedSerializer(StrictSerializer):
    """The member, and how many open tickets changed hands."""

    member = MemberSerializer()
    handed_on = serializers.IntegerField()


class ExplainQuerySerializer(StrictSerializer):
    """Whose right to what. With `object` the answer is about this ticket."""

    user = serializers.UUIDField()
    permission = serializers.CharField(max_length=80)
    object_type = serializers.ChoiceField(choices=OBJECT_KINDS, required=False)
    object = serializers.UUIDField(required=False)


class ReasonSerializer(StrictSerializer):
    """One way by which the permission is held."""

    role = serializers.CharField(allow_blank=True)
    role_name = serializers.CharField(allow_blank=True)
    scope_kind = serializers.CharField(allow_blank=True)
    scope_name = serializers.CharField(allow_blank=True)
    visibility = serializers.CharField(allow_blank=True)
    way = serializers.CharField(
        help_text="`everywhere`, `own`, `team`, `inbox`, `share`; empty where no object was named", allow_blank=True
    )


class ExplanationSerializer(StrictSerializer):
    """Yes or no, and why."""

    is_allowed = serializers.BooleanField()
    reason = serializers.ChoiceField(
        choices=[(word, word) for word in ("held", "within-reach", "out-of-reach", "no-role", "only-in-a-scope", "inactive")]
    )
    because = ReasonSerializer(many=True)


class MemberListView(ApiView):
    """Lists members."""

    tag = "access"
    permission = READ
    operation_ids: ClassVar = {"GET": "listMembers"}

    @extend_schema(summary="List members", parameters=[MemberQuerySerializer], responses=MemberPageSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(MemberQuerySerializer)
        page = selectors.member_page(search=query.get("search", ""), cursor=query.get("cursor", ""), limit=query["limit"])
        loaded = {user.pk: user for user in selectors.members().filter(pk__in=[row["id"] for row in page.rows])}
        shown = members_json([loaded[row["id"]] for row in page.rows])
        rows = dict(zip([row["id"] for row in page.rows], shown, strict=True))
        return Response(page_body(request, page, lambda row: rows[row["id"]]))


class MemberView(ApiView):
    """Reads one member."""

    tag = "access"
    permission = READ
    operation_ids: ClassVar = {"GET": "readMember"}

    @extend_schema(summary="Read a member", responses=MemberSerializer)
    def get(self, request: Request, member_id: uuid.UUID) -> Response:
        return Response(members_json([_member(member_id)])[0])


class MemberRoleListView(IdempotentPostView):
    """Gives a member a role."""

    proof_methods = frozenset({"POST"})
    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"POST": "assignRole"}

    @extend_schema(summary="Give a role", request=AssignmentCreateSerializer, responses={201: MemberSerializer})
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        user, body = _member(path["member_id"]), self.read(AssignmentCreateSerializer, request.data)
        kind, scope = scope_of(body.get("scope_kind", ""), body.get("scope_id"))
        services.assign_role(by=self.user, user=user, role=body["role"], scope_kind=kind, scope=scope)
        return Response(members_json([_member(path["member_id"])])[0], status=201)


class MemberRoleView(ApiView):
    """Takes a role from a member."""

    proof_methods = frozenset({"DELETE"})
    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"DELETE": "withdrawRole"}

    @extend_schema(summary="Take a role", request=None, responses={204: None})
    def delete(self, request: Request, member_id: uuid.UUID, assignment_id: uuid.UUID) -> Response:
        row = _member(member_id).role_assignments.filter(public_id=assignment_id).first()
        if row is None:
            raise NotFound
        services.withdraw_role(by=self.user, assignment=row)
        return Response(status=204)


class MemberDeactivationView(IdempotentPostView):
    """Ends a member's access."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"POST": "deactivateMember"}

    @extend_schema(
        summary="Deactivate a member and hand on their open work", request=DeactivationSerializer, responses={200: DeactivatedSerializer}
    )
    def post(self, request: Request, **path: Any) -> Any:  # Any: path values; a response
        return super().post(request, **path)

    def create(self, request: Request, **path: Any) -> Response:  # Any: path values
        user, body = _member(path["member_id"]), self.read(DeactivationSerializer, request.data)
        successor = selectors.member(body["reassign_to"]) if body["reassign_to"] else None
        if body["reassign_to"] and successor is None:
            raise ValidationProblem([FieldError("/reassign_to", "unknown", _("There is nothing with this id"))])
        handed_on = services.deactivate_member(by=self.user, user=user, successor=successor)
        return Response({"member": members_json([_member(path["member_id"])])[0], "handed_on": handed_on})


class ExplainView(ApiView):
    """Says whether a member may do something, and why."""

    tag = "access"
    permission = MANAGE
    operation_ids: ClassVar = {"GET": "explainAccess"}

    @extend_schema(summary="Explain a member's right", parameters=[ExplainQuerySerializer], responses=ExplanationSerializer)
    def get(self, request: Request) -> Response:
        query = self.query(ExplainQuerySerializer)
        return Response(explanation_json(query["user"], query["permission"], query.get("object_type", ""), query.get("object")))


def members_json(users: list[User]) -> list[dict[str, Any]]:  # Any: JSON
    """Members as the API shows them: one query for each kind of scope, however many members."""
    rows = [row for user in users for row in user.role_assignments.all()]
    scopes = {
        kind: SCOPES.get(kind).named({row.scope_id for row in rows if row.scope_kind == kind})
        for kind in sorted({row.scope_kind for row in rows if row.scope_kind})
    }
    return [
        {
            "id": user.public_id,
            "name": user.name,
            "email": user.email,
            "is_active": user.is_active,
            "roles": [_assignment_json(row, scopes.get(row.scope_kind, {}).get(row.scope_id)) for row in user.role_assignments.all()],
        }
        for user in users
    ]


def scope_of(kind: str, public_id: uuid.UUID | None) -> tuple[str, Scope | None]:
    """The scope a request names. Raises ValidationProblem."""
    if bool(kind) != bool(public_id):
        raise ValidationProblem(
            [FieldError("/scope_id" if kind else "/scope_kind", "required", _("Name the kind and the id of a scope, or neither"))]
        )
    return (kind, SCOPES.get(kind).find(public_id)) if kind and public_id else ("", None)


def explanation_json(user_id: uuid.UUID, code: str, kind: str, object_id: uuid.UUID | None) -> dict[str, Any]:  # Any: JSON
    """An explanation as API and page show it. Raises ValidationProblem for what does not exist."""
    user = selectors.member(user_id)
    errors = []
    if user is None:
        errors.append(FieldError("/user", "unknown", _("There is nothing with this id")))
    if code not in CATALOGUE:
        errors.append(FieldError("/permission", "unknown", _("There is no such permission")))
    if bool(kind) != bool(object_id):
        errors.append(FieldError("/object", "required", _("Name the type and the id of an object, or neither")))
    found = EXPLAINED.get(kind).find(object_id) if kind and object_id else None
    if kind and object_id and found is None:
        errors.append(FieldError("/object", "unknown", _("There is nothing with this id")))
    if errors or user is None:
        raise ValidationProblem(errors)
    answer = explain(user=user, code=code, kind=kind, found=found)
    return {"is_allowed": answer.is_allowed, "reason": answer.reason, "because": [_reason_json(reason) for reason in answer.because]}


def _reason_json(reason: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    kind, key = reason.get("scope_kind", ""), reason.get("scope_id", 0)
    scope = SCOPES.get(kind).named([key]).get(key) if kind else None
    words = {name: str(reason.get(name, "")) for name in ("role", "role_name", "scope_kind", "visibility", "way")}
    return {**words, "scope_name": scope.name if scope else ""}


def _assignment_json(row: Any, scope: Scope | None) -> dict[str, Any]:  # Any: an assignment; JSON
    return {
        "id": row.public_id,
        "role": row.role,
        "scope_kind": row.scope_kind,
        "scope_id": scope.public_id if scope else None,
        "scope_name": scope.name if scope else "",
    }


def _member(member_id: uuid.UUID) -> User:
    found = selectors.member(member_id)
    if found is None:
        raise NotFound
    return found
