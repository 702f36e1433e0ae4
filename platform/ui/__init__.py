"""The design system: tokens, components, scripts, vendored assets, error pages and the content security policy."""
