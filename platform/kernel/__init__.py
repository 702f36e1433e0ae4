"""The small library every app stands on: no models, no business words."""
