"""The API of a member's second step: an admin takes it away from somebody who has lost the device."""

import uuid
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from kernel.api.views import ApiView
from kernel.problems import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from tenant_apps.access import selectors, services


class MemberSecondStepView(ApiView):
    """Takes a member's second step away."""

    proof_methods = frozenset({"DELETE"})
    tag = "access"
    permission = "access.member.manage"
    operation_ids: ClassVar = {"DELETE": "resetMemberSecondStep"}

    @extend_schema(
        summary="Reset a member's second step",
        description="For somebody who has lost the device. Their mailbox is told.",
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, member_id: uuid.UUID) -> Response:
        user = selectors.member(member_id)
        if user is None:
            raise NotFound
        services.reset_member_second_step(by=self.user, user=user)
        return Response(status=204)
