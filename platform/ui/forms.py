"""What a refused form shows beside its fields."""

from kernel.problems import ValidationProblem


def messages_by_field(problem: ValidationProblem) -> dict[str, str]:
    """The sentences of a refused form by field name."""
    found: dict[str, list[str]] = {}
    for error in problem.errors:
        found.setdefault(error.pointer.strip("/").split("/")[0], []).append(str(error.detail))
    return {field: " ".join(sentences) for field, sentences in found.items()}
