"""Ending everything by which somebody could sign in as a user whose mailbox never proved them."""

from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts import second_step
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.services.sessions import end_sessions


@unit_of_work
def void_credentials(*, user: User) -> User:
    """Password, sessions, keys and second step stop working; a new password comes by a link from the mailbox."""
    user.set_unusable_password()  # also every session that nothing describes: its hash is of the former password
    user.save(update_fields=["password", "updated_at"])
    end_sessions(user=user)
    ApiKey.objects.filter(user=user).delete()
    second_step.disable(user)
    record_audit(action="user.void_credentials", object_type="user", object_id=user.public_id)
    return user
