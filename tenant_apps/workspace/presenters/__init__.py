"""Shapes what selectors return into what templates draw. No presenter decides anything about business."""
