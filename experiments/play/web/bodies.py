"""What requests and answers hold: JSON, checked by msgspec."""

from typing import Any, TypeVar

import flask
import msgspec

T = TypeVar("T")


def sent(kind: type[T]) -> T:
    """The body of the request as a message. ValueError, with the field, when it is none."""
    if not flask.request.is_json:
        flask.abort(415, "JSON is needed")
    return msgspec.json.decode(flask.request.get_data(), type=kind)


def answer(value: Any, status: int = 200) -> flask.Response:
    """A value as the answer."""
    return flask.Response(msgspec.json.encode(value), status, mimetype="application/json")
