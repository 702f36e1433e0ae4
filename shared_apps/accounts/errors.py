"""What can go wrong with log-ins."""

from kernel.problems import Problem


class InvalidCredentials(Problem):
    slug, title, status = "invalid-credentials", "E-mail or password is wrong", 401


class InvitationNotUsable(Problem):
    slug, title, status = "invitation-not-usable", "This invitation has been used or has expired", 409


class KeyAlreadyReplaced(Problem):
    slug, title, status = "key-already-replaced", "This key has ended or has been replaced already", 409


class LinkNotUsable(Problem):
    slug, title, status = "link-not-usable", "This link has been used or has expired", 409


class InvalidCode(Problem):
    slug, title, status = "invalid-code", "This code is wrong or was used before", 401


class SecondStepMissing(Problem):
    slug, title, status = "second-step-missing", "No second step is switched on", 409


class InvalidPasskey(Problem):
    slug, title, status = "invalid-passkey", "This passkey does not fit, or it took too long", 401


class BrowserNeeded(Problem):
    slug, title, status = "browser-needed", "This is for a browser that is signed in, not for a key", 409
