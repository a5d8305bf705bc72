"""Serves the colours that pages have in common."""

from fastapi import APIRouter
from fastapi.responses import Response

from assistant.page_colours import page_colours

PATH = "/attune/colours.css"


def colours_router() -> APIRouter:
    """Returns the route of the style sheet, which pages link ahead of their own."""
    router = APIRouter()
    router.get(PATH, response_class=Response)(_colours)
    return router


async def _colours() -> Response:
    # A browser asks whether it has changed, so that no page is half old after an update.
    return Response(page_colours(), media_type="text/css", headers={"cache-control": "no-cache"})
