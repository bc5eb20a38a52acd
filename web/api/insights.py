"""`/api/insights`: what some days taught, for managers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.responses import Response

from pipelines.access_log import AccessKind
from pipelines.insights.days import cells_of, days_of, report
from pipelines.insights.export import cells_csv, cells_parquet
from pricing.errors import BadInput
from pricing.money import display
from web.refusal import Code, Json, Refused

if TYPE_CHECKING:
    from datetime import date

    from starlette.requests import Request

    from pipelines.insights.file import InsightsFile
    from web.access.notes import AccessNotes
    from web.access.signin import Visitor
    from web.backend import Backend


class InsightsHandlers:
    """One per server; used in its event loop."""

    def __init__(self, backend: Backend, notes: AccessNotes) -> None:
        self._backend, self._notes = backend, notes

    async def read(self, request: Request, _visitor: Visitor | None) -> Response:
        """Write the report on the days of the query, today where there is none."""
        file = self._backend.insights
        if file is None:
            raise Refused(Code.NOT_FOUND, "nothing is counted: no store runs, or privacy.report_days is 0")
        first, last = self._days(request)
        return Json(await to_thread.run_sync(self._written, file, first, last))

    async def export(self, request: Request, visitor: Visitor | None) -> Response:
        """Write the counts of the days of the query as they are kept, one a row, to be saved; it is noted."""
        file, settings = self._backend.insights, self._backend.settings
        if file is None:
            raise Refused(Code.NOT_FOUND, "nothing is counted: no store runs, or privacy.report_days is 0")
        kind = request.query_params.get("format", "csv")
        if kind not in ("csv", "parquet"):
            raise Refused(Code.INVALID, "format: csv or parquet")
        first, last = self._days(request)

        def written(file: InsightsFile) -> bytes:
            cells, store = cells_of(settings, file, first, last), settings.store
            if kind == "parquet":
                return cells_parquet(cells, store.id, store.currency)
            return cells_csv(cells, store.id, store.currency).encode()

        try:
            data = await to_thread.run_sync(written, file)
        except BadInput as error:
            raise Refused(Code.NOT_FOUND, str(error)) from None
        name = f"{settings.store.id}-{first}-{last}.{kind}"
        self._notes.note(AccessKind.DOWNLOADED, request, visitor, detail=name)
        media = "text/csv" if kind == "csv" else "application/vnd.apache.parquet"
        return Response(data, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, media)

    def _days(self, request: Request) -> tuple[date, date]:
        today, query = self._backend.settings.store.today(), request.query_params
        try:
            return days_of(query.get("from"), query.get("to"), today)
        except BadInput as error:
            raise Refused(Code.INVALID, str(error)) from None

    def _written(self, file: InsightsFile, first: date, last: date) -> dict[str, Any]:
        found = report(self._backend.settings, file, first, last)
        for brand in (*found["brands"], *found["before"]["brands"]):
            brand["text"] = self._backend.brand(brand["key"])
        return {key: self._with_texts(value) for key, value in self._money(found).items()}

    def _with_texts(self, found: Any) -> Any:
        """Return the same with a text for people beside each amount, in all that it holds."""
        if isinstance(found, list):
            return [self._with_texts(one) for one in found]
        if isinstance(found, dict):
            return {key: self._with_texts(value) for key, value in self._money(found).items()}
        return found

    def _money(self, found: dict[str, Any]) -> dict[str, Any]:
        texts = {
            f"{key.removesuffix('_minor')}_text": None if value is None else self._text(value)
            for key, value in found.items()
            if key.endswith("_minor")
        }
        return found | texts

    def _text(self, minor: int) -> str:
        return display(minor, self._backend.settings.store.currency, self._backend.locale)
