"""Which writes leave no audit entry, and why: the lists that the tests of every write hold the code to."""

# Writes without an entry, and why.
WITHOUT_ENTRY = {
    "POST tenant:/api/v1/socket-tickets": "nothing is stored: a ticket lives thirty seconds in Redis",
    "POST tenant:/inbox/{ticket_id}/read/": "read marks are nobody's deed, and there is one for each look",
    "POST tenant:/hooks/v1/{route_key}": "what arrives is stored as it came; what is made of it has entries",
    "POST base:/hooks/v1/{route_key}": "what arrives is stored as it came; what is made of it has entries",
    "POST tenant:/api/v1/profile/second-step/enrolments": "nothing is stored: the secret travels sealed until its first code",
    "POST tenant:/me/security/second-step/begin/": "nothing is stored: the secret travels sealed until its first code",
    **dict.fromkeys(
        (
            "POST tenant:/api/v1/profile/passkeys/options",
            "POST tenant:/api/v1/profile/proof/options",
            "POST tenant:/api/v1/sign-in/passkey-options",
        ),
        "a challenge in the browser's own session; the answer to it has an entry",
    ),
    "POST base:/operator/security/second-step/begin/": "nothing is stored: the secret travels sealed until its first code",
    "POST tenant:/api/v1/sign-out": "sessions are not objects of the organization",
    "POST tenant:/sign-out/": "sessions are not objects of the organization",
    "POST base:/sign-out/": "sessions are not objects of the organization",
}
# Writes whose success hangs on something outside.
UNREACHED = {
    "POST tenant:/api/v1/sso/connections/{connection_id}/domains/{domain_id}/verification": "no DNS record proves the domain here",
}
# Services that are a unit of work and write no entry themselves, and why.
SILENT_SERVICES = {
    "shared_apps.accounts.services.invitations.accept_invitation": "creates the user and gives the role, which have entries",
    "shared_apps.accounts.services.sessions.carry_session": "the session goes on under another key; the change behind it has an entry",
    "tenant_apps.access.services.assignments.bump_access_version": "a counter; the change behind it has an entry",
    "tenant_apps.access.services.invitations.grant_invited_role": "gives the role, which has an entry",
    "tenant_apps.access.services.members.reset_member_second_step": "resets the second step, which has an entry",
    "tenant_apps.tickets.services.leaving.hand_on_open_tickets": "changes the tickets, which have entries",
    "shared_apps.tenants.services.states.suspend_tenant": "one function writes for both",
    "shared_apps.tenants.services.states.resume_tenant": "one function writes for both",
    "shared_apps.tenants.services.fleet._take_up": "the request has its entry; this is the worker's own mark",
    "shared_apps.tenants.services.provisioning._open": "the end of the creation, which has its entry",
    "tenant_apps.messaging.services.receiving.start_conversation": "the ticket's or message's entry tells",
    "tenant_apps.messaging.services.receiving.receive_message": "a message is its own record, kept with what arrived",
    "tenant_apps.messaging.services.receiving.note_message_ids": "an index over mail ids",
    "tenant_apps.messaging.services.reading.mark_read": "read marks",
    "tenant_apps.messaging.services.reading.mark_unread": "read marks",
    "tenant_apps.messaging.services.sending.claim_delivery": "a worker's lease",
    "tenant_apps.messaging.services.sending.postpone_delivery": "a worker's attempt; the message shows it",
    "tenant_apps.messaging.services.sending.fail_bounced": "a mail system's answer; the message shows it",
    "tenant_apps.messaging.services.deliveries.mark_delivery_sent": "a worker's attempt; the message shows it",
    "tenant_apps.messaging.services.deliveries.mark_delivery_failed": "a worker's attempt; the message shows it",
    "tenant_apps.tickets.services.changing.solve_ticket": "changes the ticket, which has an entry",
    "tenant_apps.tickets.services.changing.reopen_ticket": "changes the ticket, which has an entry",
    "tenant_apps.tickets.services.incoming.route_incoming": "creates or reopens the ticket, which have entries",
    "tenant_apps.intake.services.upkeep._forget_some": "what is removed by age, as the settings page says",
    "tenant_apps.intake.services.processing": "a worker's own marks on what arrived; what it makes has entries",
    "tenant_apps.intake.services.accepting.accept_inbound": "what arrives is stored as it came",
    "tenant_apps.sso.services.attempts._keep": "a browser on its way; what comes of it has an entry",
    "tenant_apps.sso.services.attempts._claim": "a browser that came back; what comes of it has an entry",
    "tenant_apps.access.services.service_accounts.open_service_account": "creates the user and gives the role, which have entries",
}
