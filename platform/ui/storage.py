"""Static files under hashed names, the imports between our own scripts included."""

from typing import Any, ClassVar

from servestatic.storage import CompressedManifestStaticFilesStorage

_IMPORTS: Any = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns  # Any: Django's (glob, patterns)


class UiStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Rewrites `import ... from "./x.js"` in our scripts, so that a page never mixes scripts of two releases.

    Other packages' scripts are left alone: some import names that only a bundler can resolve.
    """

    patterns: ClassVar[Any] = (*CompressedManifestStaticFilesStorage.patterns, ("ui/js/*.js", _IMPORTS[1]))  # Any: as in Django
