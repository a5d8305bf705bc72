"""Formulas in TeX → the same in signs, which a voice's language has words for."""

import re

_DISPLAY = re.compile(r"\\[()\[\]]|\$\$")
_INLINE = re.compile(r"\$(?![\s$])([^$\n€£¥]{1,200}?)(?<![\s\\])\$(?![\d$])")
"""As in Pandoc: no space within the signs, no digit behind: "$5 + $3" is money."""
_OPERATORS = re.compile(r"[\\^_{}=|()<>+]")
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z\d]{0,2}['!]?")
_WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}")
_NAMES = {
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥",
    "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈", "equiv": "≡", "infty": "∞", "sum": "∑",
    "int": "∫", "partial": "∂", "in": "∈", "cap": "∩", "cup": "∪", "to": "→", "rightarrow": "→",
    "Rightarrow": "⇒", "implies": "⇒", "degree": "°", "circ": "°", "ldots": "...", "dots": "...",
    "cdots": "...", "left": "", "right": "", "big": "", "Big": "", "quad": " ", "qquad": " ",
    "displaystyle": "", "limits": "",
}  # fmt: skip
_LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi "
    "chi psi omega Gamma Delta Theta Lambda Pi Sigma Phi Psi Omega "
    "sin cos tan log ln exp min max lim det gcd"
).split()
_COMMAND = re.compile(
    rf"\\({'|'.join(sorted([*_NAMES, *_LETTERS], key=len, reverse=True))})(?![a-z])"
)
_WRAPPER = re.compile(
    r"\\(?:text(?:bf|it|rm)?|math(?:rm|bf|it|bb|cal)|boxed|operatorname|mbox|emph|underline"
    r"|overline|vec|hat|bar|tilde)\{([^{}]*)\}"
)
_FRACTION = re.compile(r"\\[dtc]?frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}")
_RAISED = re.compile(r"\^\{([^{}]*)\}")
_LOWERED = re.compile(r"(?<=\w)_\{([^{}]*)\}")
_BOUNDS = re.compile(r"(∑|∫)_\{?([^{}\s^]+)\}?\^\{?([^{}\s]+?)\}?(?=[\s}]|$)")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[^{}]*\}")
_SIMPLE = re.compile(r"[0-9]+|[A-Za-z]+")


def in_signs(text: str) -> str:
    """Returns `text` with its formulas as they are typed without TeX, such as x^2 and (a+b)/2."""
    text = _INLINE.sub(_inline, _DISPLAY.sub(" ", text))
    if "\\" not in text:
        return _LOWERED.sub(r" \1", _RAISED.sub(_raised, text))
    if _ENVIRONMENT.search(text):
        text = re.sub(r"\\\\", ", ", _ENVIRONMENT.sub(" ", text).replace("&", " "))
    text = re.sub(r"\^\{?\\circ\}?", "°", text)
    text = _COMMAND.sub(lambda match: _NAMES.get(match[1], match[1]), text)
    text = _BOUNDS.sub(r"\1 \2 → \3, ", text)
    while (simpler := _innermost(text)) != text:
        text = simpler
    return re.sub(r"\\[,;]", " ", text)


def _inline(match: re.Match[str]) -> str:
    content = match[1]
    if _SYMBOL.fullmatch(content) or content.isdigit():
        return content
    is_formula = _OPERATORS.search(content) is not None
    if content[0].isdigit() and _WORD.search(content):
        return match[0]  # "$5 (or more) in US$"
    return content if is_formula else match[0]


def _innermost(text: str) -> str:
    """Returns `text` with each command in words whose arguments hold no other."""
    text = _WRAPPER.sub(r"\1", text)
    text = _RAISED.sub(_raised, text)
    text = _LOWERED.sub(r" \1", text)
    text = _ROOT.sub(lambda match: "√" + _grouped(match[1]), text)
    return _FRACTION.sub(lambda match: f"{_grouped(match[1])}/{_grouped(match[2])}", text)


def _raised(match: re.Match[str]) -> str:
    return "^" + (match[1] if re.fullmatch(r"[-+]?\w+", match[1]) else f"({match[1]})")


def _grouped(written: str) -> str:
    return written if _SIMPLE.fullmatch(written.strip()) else f"({written})"
