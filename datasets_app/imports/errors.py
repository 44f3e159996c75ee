"""Why an import makes no version."""

from datasets_app.errors import HistoryError
from datasets_app.imports.request import ImportReport


class ImportRefused(HistoryError):
    """The input has errors; `report` tells all of them. Nothing changed."""

    code = "import_refused"
    status = 422

    def __init__(self, report: ImportReport) -> None:
        errors = [problem for problem in report.problems if problem.severity == "error"]
        first = errors[0]
        image = "" if first.image == first.file else first.image
        places = (first.file, image, "" if first.segment is None else f"segment {first.segment}")
        where = ": ".join(place for place in places if place)
        others = report.error_count - 1
        more = f" (and {others} more error{'s' if others > 1 else ''})" if others > 0 else ""
        super().__init__(f"{where}: {first.message}{more}" if where else first.message + more)
        self.report = report
        self.errors = [problem._asdict() for problem in report.problems]


class InvalidUpload(HistoryError):
    """An upload that does not say what is to be imported."""

    code = "invalid_upload"
    status = 422
