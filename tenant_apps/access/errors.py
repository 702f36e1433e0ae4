"""Refusals of the access app."""

from kernel.problems import Problem


class MayNotGrant(Problem):
    slug, title, status = "may-not-grant", "You cannot give or take rights that you do not hold", 403


class LastOwner(Problem):
    slug, title, status = "last-owner", "The last owner cannot go: make somebody else an owner first", 409


class RoleInUse(Problem):
    slug, title, status = "role-in-use", "Members still hold this role", 409


class RoleNameTaken(Problem):
    slug, title, status = "role-name-taken", "There is a role of this name already", 409
