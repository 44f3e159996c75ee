"""Style sheets, scripts and pictures of the pages, by names that say their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

_MODULE_IMPORTS = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]


class StaticFiles(CompressedManifestStaticFilesStorage):
    """The project's own modules are imported by hashed names, so that browsers keep them.

    Django's own switch for this reads every script there is, also those of packages, in which
    examples in comments look like imports of files.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("web/*.js", _MODULE_IMPORTS))
