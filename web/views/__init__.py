"""Views translate: they find what a URL names, ask the apps below and fill a template."""
