"""The promises of the layout, checked."""
