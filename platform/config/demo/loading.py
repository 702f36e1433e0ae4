"""Writes stories into a tenant's schema in bulk: no events are recorded and no mail is sent for them."""

import datetime
import itertools
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db.models import F, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce
from kernel import tenancy
from kernel.clock import now
from kernel.ids import new_id
from kernel.tenancy import TenantRef
from kernel.uow import unit_of_work
from shared_apps.accounts.models import User
from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts.models import Contact, Identity, IdentityKind
from tenant_apps.messaging.models import (
    AuthorKind,
    Conversation,
    Delivery,
    DeliveryState,
    Direction,
    Message,
    MessageIdEntry,
    ReadMark,
    Visibility,
)
from tenant_apps.organization.models import Team, TeamMembership
from tenant_apps.tickets.models import Status, Tag, Ticket, TicketConversation, TicketNumber

from config.demo.cast import Agent, Cast
from config.demo.stories import Line, Person, Story

Advance = Callable[[int], None]


def load(*, tenant: TenantRef, cast: Cast, stories: Sequence[Story], advance: Advance) -> int:
    """Writes teams, contacts, conversations and tickets in one transaction; returns the number of tickets. A filled tenant stays as it is."""
    with tenancy.tenant_scope(tenant), unit_of_work():
        if Ticket.objects.exists():
            advance(len(stories))
            return 0
        return _Loader(tenant, cast, stories, advance).run()


class _Loader:
    def __init__(self, tenant: TenantRef, cast: Cast, stories: Sequence[Story], advance: Advance) -> None:
        self.tenant, self.cast, self.stories, self.advance = tenant, cast, stories, advance
        self.domain = f"{tenant.slug}.{settings.ATENDE_BASE_HOST}"
        self.users = {user.email.split("@")[0]: user for user in User.objects.all()}
        self.inbox = Inbox.objects.get(connector="email", address=f"support@{self.domain}")
        self.form = Inbox.objects.filter(connector="api").order_by("id").first() or self.inbox

    def run(self) -> int:
        teams = self._teams()
        contacts = self._contacts()
        conversations = self._conversations(contacts)
        messages = self._messages(conversations, contacts)
        tickets = self._tickets(conversations, contacts, teams)
        self._read_marks(conversations, messages)
        _set_creation_times()
        return len(tickets)

    def _teams(self) -> dict[str, Team]:
        known = {team.key: team for team in Team.objects.all()}
        missing = [Team(key=key, name=name) for key, name in self.cast.teams.items() if key not in known]
        teams = known | {team.key: team for team in Team.objects.bulk_create(missing)}
        memberships = [
            TeamMembership(team=teams[key], user=self.users[agent.mailbox])
            for agent in self.cast.agents
            for key in agent.teams
            if agent.mailbox in self.users
        ]
        TeamMembership.objects.bulk_create(memberships, ignore_conflicts=True)
        return teams

    def _contacts(self) -> dict[Person, Contact]:
        people = list(dict.fromkeys(story.person for story in self.stories))
        made = Contact.objects.bulk_create(
            [Contact(name=person.name, email=person.email, language="pt-br" if person.language == "pt" else "en") for person in people]
        )
        Identity.objects.bulk_create([Identity(contact=contact, kind=IdentityKind.EMAIL, value=contact.email) for contact in made])
        return dict(zip(people, made, strict=True))

    def _conversations(self, contacts: dict[Person, Contact]) -> list[Conversation]:
        return Conversation.objects.bulk_create(
            [
                Conversation(inbox=self._inbox(story), contact=contacts[story.person], subject=story.subject, last_message_at=story.last_at)
                for story in self.stories
            ]
        )

    def _messages(self, conversations: list[Conversation], contacts: dict[Person, Contact]) -> list[list[Message]]:
        threads = []
        for story, conversation in zip(self.stories, conversations, strict=True):
            threads.append(self._thread(story, conversation, contacts[story.person]))
            self.advance(1)
        Message.objects.bulk_create([message for thread in threads for message in thread], batch_size=500)
        sent = [message for thread in threads for message in thread if message.delivery_state == DeliveryState.SENT]
        Delivery.objects.bulk_create(
            [
                Delivery(
                    message=message,
                    recipient=message.conversation.contact.email,
                    state=DeliveryState.SENT,
                    attempts=1,
                    fence=1,
                    next_attempt_at=message.occurred_at,
                )
                for message in sent
            ],
            batch_size=500,
        )
        MessageIdEntry.objects.bulk_create(
            [
                MessageIdEntry(message_id=message.external_id, conversation=message.conversation)
                for thread in threads
                for message in thread
                if message.external_id
            ],
            batch_size=500,
        )
        return threads

    def _thread(self, story: Story, conversation: Conversation, contact: Contact) -> list[Message]:
        thread: list[Message] = []
        references: list[str] = []
        for line in story.lines:
            message = self._message(story, line, conversation, contact)
            if message.external_id:
                message.in_reply_to = references[-1] if references else ""
                message.references = list(references)
                references.append(message.external_id)
            thread.append(message)
        return thread

    def _message(self, story: Story, line: Line, conversation: Conversation, contact: Contact) -> Message:
        public_id = new_id()
        is_in, is_note = line.speaker == "contact", line.speaker == "note"
        domain = contact.email.split("@")[1] if is_in else self.domain
        return Message(
            public_id=public_id,
            conversation=conversation,
            direction=Direction.IN if is_in else Direction.OUT,
            visibility=Visibility.INTERNAL if is_note else Visibility.PUBLIC,
            author_kind=AuthorKind.CONTACT if is_in else AuthorKind.USER,
            author_contact=contact if is_in else None,
            author_user=None if is_in else self._user(line.agent),
            subject="" if is_note else story.subject,
            body_text=line.text,
            external_id="" if is_note or self._inbox(story) is not self.inbox else f"{public_id.hex}@{domain}",
            delivery_state=DeliveryState.NONE if is_in or is_note else DeliveryState.SENT,
            occurred_at=line.at,
        )

    def _tickets(self, conversations: list[Conversation], contacts: dict[Person, Contact], teams: dict[str, Team]) -> list[Ticket]:
        statuses = {status.category: status for status in Status.objects.filter(is_default=True)}
        tickets = [
            self._ticket(number, story, contacts[story.person], teams[story.team], statuses[story.category])
            for number, story in enumerate(self.stories, 1)
        ]
        Ticket.objects.bulk_create(tickets, batch_size=500)
        TicketConversation.objects.bulk_create(
            [
                TicketConversation(ticket=ticket, conversation=conversation)
                for ticket, conversation in zip(tickets, conversations, strict=True)
            ]
        )
        names = sorted({tag for story in self.stories for tag in story.tags})
        tags = {tag.name: tag for tag in Tag.objects.bulk_create([Tag(name=name) for name in names])}
        links = Ticket.tags.through
        links.objects.bulk_create(
            [
                links(ticket_id=ticket.pk, tag_id=tags[name].pk)
                for ticket, story in zip(tickets, self.stories, strict=True)
                for name in dict.fromkeys(story.tags)
            ]
        )
        TicketNumber.objects.update_or_create(id=1, defaults={"last_number": len(tickets)})
        return tickets

    def _ticket(self, number: int, story: Story, contact: Contact, team: Team, status: Status) -> Ticket:
        solved_at = story.solved_at
        closed_at = solved_at + datetime.timedelta(days=7) if solved_at and story.category == "closed" else None
        return Ticket(
            number=number,
            subject=story.subject,
            status=status,
            category=status.category,
            priority=story.priority,
            requester=contact,
            assignee=self._user(story.assignee),
            team=team,
            version=len(story.lines) + 1,
            snippet=" ".join(story.lines[-1].text.split())[:200],
            connector=self._inbox(story).connector,
            last_message_at=story.last_at,
            waiting_since=story.waiting_since,
            solved_at=solved_at,
            closed_at=closed_at,
            created_at=story.created_at,
            updated_at=closed_at or solved_at or story.last_at,
        )

    def _read_marks(self, conversations: list[Conversation], threads: list[list[Message]]) -> None:
        """Everybody has read what is old; what is unread stays unread for all."""
        rows = zip(self.stories, conversations, threads, strict=True)
        read = [(conversation, thread[-1].pk) for story, conversation, thread in rows if not story.is_unread]
        marks = [
            ReadMark(user=user, conversation=conversation, message_id=last)
            for user, (conversation, last) in itertools.product(self.users.values(), read)
        ]
        ReadMark.objects.bulk_create(marks, batch_size=1000)

    def _inbox(self, story: Story) -> Inbox:
        return self.form if story.is_from_form else self.inbox

    def _user(self, agent: Agent | None) -> User | None:
        return self.users[agent.mailbox] if agent else None


def _set_creation_times() -> None:
    """The columns that fill themselves at insertion get the times of the stories."""
    Message.objects.update(created_at=F("occurred_at"))
    first = Message.objects.filter(conversation=OuterRef("pk")).values("conversation").annotate(first=Min("occurred_at")).values("first")
    Conversation.objects.update(created_at=Coalesce(Subquery(first), F("created_at")))
    since = Conversation.objects.filter(contact=OuterRef("pk")).values("contact").annotate(first=Min("created_at")).values("first")
    Contact.objects.update(created_at=Coalesce(Subquery(since), F("created_at")))
    MessageIdEntry.objects.update(seen_at=now())
