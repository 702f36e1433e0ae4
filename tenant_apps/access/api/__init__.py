"""The API of access, one module a subject: members, invitations, roles, keys, one's own profile and security."""
