"""The addresses that the server answers, and the functions that answer them.

What computes or reads files runs on other threads: compute on that of the session, all else on a
few threads for short work.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from voxgpu.cancellation import cancelled_by, raise_if_cancelled
from voxgpu.report.run_page import run_page
from voxgpu.viewer.assets import INDEX, assets
from voxgpu.viewer.checking import Program, options_for
from voxgpu.viewer.checking import check as checked
from voxgpu.viewer.compute_thread import URGENT, JobCancelled
from voxgpu.viewer.guard import answer
from voxgpu.viewer.problem import Problem
from voxgpu.viewer.programs import read_program, save_program
from voxgpu.viewer.requests import (
    definitions_in,
    optional_line,
    optional_text,
    parsed,
    text_in,
    texts_in,
)
from voxgpu.viewer.roots import id_of_url
from voxgpu.viewer.values import WrongProgram
from voxgpu.viewer.viewer import Viewer

Result = TypeVar("Result")

#: Threads for short work, and for checks, which may take seconds: they try filters out.
_THREADS, _CHECKS = 4, 2

_NIFTI = "application/gzip"


class Handlers:
    """The answers of a viewer, one for each address and method."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._short = ThreadPoolExecutor(_THREADS, "request")
        self._checks = ThreadPoolExecutor(_CHECKS, "check")

    def routes(self) -> list[Any]:
        """The table of addresses, relative to the token."""
        table = [
            ("/", self.page, "GET"),
            ("/assets/{name:path}", self.asset, "GET"),
            ("/api/dataset", self.dataset, "GET"),
            ("/api/header/{file:path}", self.header, "GET"),
            ("/api/volume/{file:path}", self.volume, "GET"),
            ("/api/programs/{file:path}", self.program, "GET"),
            ("/api/programs/{file:path}", self.save, "PUT"),
            ("/api/catalogue", self.catalogue, "GET"),
            ("/api/check", self.check, "POST"),
            ("/api/runs", self.history, "GET"),
            ("/api/runs", self.run, "POST"),
            ("/api/runs/{run}", self.cancel, "DELETE"),
            ("/api/runs/{run}/events", self.events, "GET"),
            ("/api/runs/{run}/layers/{place:int}", self.layer, "GET"),
            ("/api/runs/{run}/report", self.report, "GET"),
            ("/api/values", self.compute, "POST"),
            ("/api/values/{value}", self.value, "GET"),
        ]
        return [Route(path, _answering(handle), methods=[kind]) for path, handle, kind in table]

    async def page(self, request: Any) -> Any:
        """The page."""
        return self._asset(INDEX)

    async def asset(self, request: Any) -> Any:
        """A file of the page."""
        return self._asset(request.path_params["name"])

    def _asset(self, name: str) -> Any:
        found = assets().get(name)
        if found is None:
            raise Problem(404, f"the page has no `{name}`")
        return Response(found.content, media_type=found.type)

    async def dataset(self, request: Any) -> Any:
        """Cases, layers and programs that are there now."""
        return JSONResponse(await self._on_thread(self._viewer.dataset.as_json))

    async def header(self, request: Any) -> Any:
        """What the header of an image says, and its range."""
        id = _file(request, "header")
        return JSONResponse(await self._on_thread(partial(self._viewer.volumes.describe, id)))

    async def volume(self, request: Any) -> Any:
        """An image as NIfTI."""
        id = _file(request, "volume")
        path = await self._on_thread(partial(self._viewer.volumes.nifti, id))
        return FileResponse(path, media_type=_NIFTI)

    async def program(self, request: Any) -> Any:
        """The text of a program."""
        roots, id = self._viewer.dataset.roots, _file(request, "programs")
        return JSONResponse(await self._on_thread(partial(read_program, roots, id)))

    async def save(self, request: Any) -> Any:
        """Save a program."""
        roots, id = self._viewer.dataset.roots, _file(request, "programs")
        body = parsed(await request.body())
        text, digest = text_in(body, "text"), optional_text(body, "digest")
        work = partial(save_program, roots, id, text, digest)
        return JSONResponse(await self._on_thread(work))

    async def catalogue(self, request: Any) -> Any:
        """Names for the editor."""
        return JSONResponse(await self._on_thread(self._viewer.catalogue))

    async def check(self, request: Any) -> Any:
        """The mistakes in a program."""
        body = parsed(await request.body())
        return JSONResponse({"diagnostics": await self._mistakes(request, body)})

    async def _mistakes(self, request: Any, body: Any, case: str | None = None) -> Any:
        """The mistakes in a program; the check ends where nobody waits for it any more."""
        stop = threading.Event()

        def work() -> list[dict[str, Any]]:
            with cancelled_by(stop):
                raise_if_cancelled()
                return self._checked(body, case)

        return await _unless_gone(request, self._checks.submit(work), stop)

    def _checked(self, body: Any, case_id: str | None = None) -> list[dict[str, Any]]:
        id = case_id if case_id is not None else optional_text(body, "case")
        case = self._viewer.dataset.case(id) if id is not None else None
        options = options_for(self._viewer.options(), case, definitions_in(body))
        return checked(self._program(body), case, options)

    def _program(self, body: Any) -> Program:
        id = optional_text(body, "file")
        path = self._viewer.dataset.roots.path_of(id) if id is not None else None
        return Program(text_in(body, "text"), path)

    async def history(self, request: Any) -> Any:
        """The runs so far."""
        return JSONResponse(await self._on_thread(self._viewer.runs.history))

    async def run(self, request: Any) -> Any:
        """Begin a run, unless the program has errors."""
        body = parsed(await request.body())
        ids = texts_in(body, "cases")
        found = await self._mistakes(request, body, ids[0])
        if any(each["severity"] == "error" for each in found):
            raise WrongProgram(found)
        return JSONResponse(await self._on_thread(partial(self._started, body, ids)), 201)

    def _started(self, body: Any, ids: list[str]) -> dict[str, Any]:
        cases = [self._viewer.dataset.case(each) for each in ids]
        viewer = self._viewer
        run = viewer.runs.start(self._program(body), cases, definitions_in(body), viewer.options())
        return {"run": run.record.id}

    async def cancel(self, request: Any) -> Any:
        """Cancel a run."""
        self._viewer.runs.cancel(request.path_params["run"])
        return JSONResponse({})

    async def events(self, request: Any) -> Any:
        """Follow a run: server-sent events, from the start or after the last that was seen."""
        run = self._viewer.runs.find(request.path_params["run"])
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdecimal() else 0
        if run.log.is_ended and after >= len(run.log.events):
            return Response(status_code=204)  # a browser then stops to connect again
        lines = _lines(run.log.follow(after))
        return StreamingResponse(lines, media_type="text/event-stream")

    async def layer(self, request: Any) -> Any:
        """An image that a run saved, as NIfTI."""
        run = self._viewer.runs.find(request.path_params["run"])
        place = request.path_params["place"]
        if place >= len(run.layers) or not run.layers[place].path.exists():
            raise Problem(404, f"this run has no layer {place}")
        return FileResponse(run.layers[place].path, media_type=_NIFTI)

    async def report(self, request: Any) -> Any:
        """The report of a run on one case: `?case=`, or the first."""
        run = self._viewer.runs.find(request.path_params["run"])
        asked = request.query_params.get("case", run.cases[0].case.id)
        contents = next((e.contents for e in run.cases if e.case.id == asked), None)
        if contents is None:
            raise Problem(404, "there is no report of this run", "wait until it is done")
        name = f"{run.program.name.removesuffix('.imgql')}.html"
        page = await self._on_thread(partial(run_page, run.folder / name, contents, False))
        disposition = f"attachment; filename*=UTF-8''{quote(name)}"
        headers = {"content-disposition": disposition}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    async def compute(self, request: Any) -> Any:
        """Compute one value."""
        body = parsed(await request.body())
        name, line, id = text_in(body, "name"), optional_line(body), optional_text(body, "case")
        program, definitions = self._program(body), definitions_in(body)
        case = None
        if id is not None:
            case = await self._on_thread(partial(self._viewer.dataset.case, id))
        options = options_for(self._viewer.options(), case, definitions)
        cancelled = threading.Event()
        work = partial(self._viewer.values.compute, program, name, line, options)
        future = self._viewer.compute.submit(work, URGENT, cancelled)
        try:
            return JSONResponse(await _unless_gone(request, future, cancelled))
        except JobCancelled:
            raise Problem(409, "the computation was cancelled") from None

    async def value(self, request: Any) -> Any:
        """An image that was computed, as NIfTI."""
        path = self._viewer.values.path(request.path_params["value"])
        return FileResponse(path, media_type=_NIFTI)

    async def _on_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._short, work)


def application_of(viewer: Viewer) -> Any:
    """The application of a viewer, for requests whose token was checked and removed."""
    handlers = {HTTPException: _http_error, Exception: _internal_error}
    return Starlette(routes=Handlers(viewer).routes(), exception_handlers=handlers)


def _answering(handle: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    """A handler whose problems become responses."""

    async def handled(request: Any) -> Any:
        try:
            return await handle(request)
        except Problem as problem:
            return answer(problem)
        except WrongProgram as wrong:
            return JSONResponse({"diagnostics": wrong.diagnostics}, 422)
        except ClientDisconnect:
            return Response(status_code=499)

    return handled


async def _http_error(request: Any, error: Any) -> Any:
    reason = {404: "there is nothing at this address", 405: "this address has other methods"}
    return answer(Problem(error.status_code, reason.get(error.status_code, str(error.detail))))


async def _internal_error(request: Any, error: Any) -> Any:
    return answer(Problem(500, f"{type(error).__name__}: {error}", "this is a mistake of voxgpu"))


def _file(request: Any, kind: str) -> str:
    """The id of a file in an address, of which no ``%2F`` was decoded. Raises Problem, 404."""
    raw: bytes = request.scope["raw_path"]
    return id_of_url(raw.removeprefix(f"/api/{kind}/".encode()))


async def _lines(events: AsyncIterator[Any]) -> AsyncIterator[str]:
    """Events in the form of server-sent events; a comment now and then keeps the connection."""
    async for each in events:
        if each is None:
            yield ": still here\n\n"
        else:
            data = json.dumps(each.data, ensure_ascii=True, allow_nan=False)
            yield f"id: {each.number}\nevent: {each.kind}\ndata: {data}\n\n"


async def _unless_gone(request: Any, future: Future[Any], cancelled: threading.Event) -> Any:
    """The result of a job, which is cancelled if who asked for it is gone."""
    waiting = asyncio.wrap_future(future)
    # Its exception is taken also if nobody waits for it any more.
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
    while not waiting.done():
        await asyncio.wait([waiting], timeout=0.3)
        if not waiting.done() and await request.is_disconnected():
            cancelled.set()
            raise ClientDisconnect
    return waiting.result()
