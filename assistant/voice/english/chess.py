"""Moves of chess as a player says them: Nf3 is "knight f three"."""

import re

from assistant.voice.english import number_words as words

_PIECES = {"K": "king", "Q": "queen", "R": "rook", "B": "bishop", "N": "knight"}
_ENDS = {"+": ", check", "#": ", mate", "": ""}
_MOVE = re.compile(
    r"(?<![\w.#@$-])(?:(?P<castles>O-O(?:-O)?)"
    r"|(?P<piece>[KQRBN])(?P<from>[a-h]?[1-8]?)(?P<takes>[x-]?)(?P<to>[a-h][1-8])"
    r"|(?P<pawn>[a-h])x(?P<taken>[a-h][1-8])(?:=(?P<becomes>[QRBN]))?"
    r"|(?P<start>[a-h][1-8])-(?P<stop>[a-h][1-8])"
    r"|(?P<last>[a-h][18])=(?P<new>[QRBN]))"
    r"(?P<end>[+#]?)[!?]{0,2}(?![\w=-])"
)
_MAY_HAVE_MOVES = re.compile(r"[a-h][1-8]|O-O")


def in_words(text: str) -> str:
    """Returns `text` with the moves of pieces in words; a pawn's square ("e4") reads itself."""
    return _MOVE.sub(_said, text) if _MAY_HAVE_MOVES.search(text) else text


def _said(move: re.Match[str]) -> str:
    return _way(move) + _ENDS[move["end"]]


def _way(move: re.Match[str]) -> str:
    if move["castles"]:
        return "castles" if move["castles"] == "O-O" else "castles long"
    if move["start"]:
        return f"{_square(move['start'])} {_square(move['stop'])}"
    if move["last"]:
        return f"{_square(move['last'])}, {_PIECES[move['new']]}"
    if move["pawn"]:
        said = f"{move['pawn']} takes {_square(move['taken'])}"
        return said + (f", {_PIECES[move['becomes']]}" if move["becomes"] else "")
    steps = [_PIECES[move["piece"]], _square(move["from"]), "takes" if move["takes"] == "x" else ""]
    return " ".join(step for step in (*steps, _square(move["to"])) if step)


def _square(name: str) -> str:
    return " ".join(words.cardinal(sign) if sign.isdigit() else sign for sign in name)
