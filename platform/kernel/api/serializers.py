"""The base of all serializers: a field that is not declared is an error, never silently ignored."""

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields with the code `unknown`, and numbers or truth values where the schema says text with `invalid`."""

    def to_internal_value(self, data: Any) -> Any:  # Any: JSON
        if isinstance(data, dict):
            unknown = {
                str(name): [serializers.ErrorDetail("This field is not known", code="unknown")] for name in data if name not in self.fields
            }
            not_text = {name: [_NOT_TEXT] for name, value in data.items() if name in self.fields and _is_not_text(self.fields[name], value)}
            if unknown or not_text:
                raise serializers.ValidationError(unknown | not_text)
        return super().to_internal_value(data)


_NOT_TEXT = serializers.ErrorDetail("This is not text", code="invalid")


def _is_not_text(field: Any, value: Any) -> bool:  # Any: a serializer field; JSON
    """Whether a text field holds a number or truth value, which the library would turn into text without a word."""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return any(_is_not_text(field.child, item) for item in value)
    return isinstance(field, serializers.CharField | serializers.ChoiceField) and isinstance(value, bool | int | float)


class FieldErrorSerializer(serializers.Serializer[Any]):
    """One invalid field."""

    pointer = serializers.CharField(help_text="JSON pointer of the field")
    code = serializers.CharField(help_text="Stable code for programs")
    detail = serializers.CharField(help_text="A sentence for people")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details. Branch on `type` and on the codes, never on text."""

    type = serializers.CharField(help_text="The kind of problem, a path below /problems/")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="urn:request:<id>, the id that our logs carry")
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # the name is RFC 9457's
