"""Amounts of money: the sign before or after, suffixes, cents, ranges, prices by the piece."""

import re
from dataclasses import dataclass

from assistant.voice.english import number_words as words
from assistant.voice.english.numerals import (
    NUMBER,
    RANGE,
    SCALE,
    Shape,
    after,
    before,
    canonical,
    number,
    scaled,
    shape,
)


@dataclass(frozen=True, slots=True)
class _Currency:
    one: str
    many: str
    cent: str = "cent"
    cents: str = "cents"


_DOLLAR = _Currency("dollar", "dollars")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_EURO = _Currency("euro", "euros")
_YEN = _Currency("yen", "yen", "sen", "sen")


def _dollar_of(country: str) -> _Currency:
    return _Currency(f"{country} dollar", f"{country} dollars")


_CURRENCIES = {
    "$": _DOLLAR,
    "£": _POUND,
    "€": _EURO,
    "¥": _YEN,
    "₹": _Currency("rupee", "rupees", "paisa", "paise"),
    "₩": _Currency("won", "won", "jeon", "jeon"),
    "₽": _Currency("rouble", "roubles", "kopeck", "kopecks"),
    "₺": _Currency("lira", "lira", "kurus", "kurus"),
    "₪": _Currency("shekel", "shekels", "agora", "agorot"),
    "₿": _Currency("bitcoin", "bitcoins"),
    "฿": _Currency("baht", "baht", "satang", "satang"),
    "₫": _Currency("dong", "dong"),
    "₴": _Currency("hryvnia", "hryvnias", "kopeck", "kopecks"),
    "US$": _dollar_of("U S"),
    "A$": _dollar_of("Australian"),
    "AU$": _dollar_of("Australian"),
    "C$": _dollar_of("Canadian"),
    "CA$": _dollar_of("Canadian"),
    "NZ$": _dollar_of("New Zealand"),
    "HK$": _dollar_of("Hong Kong"),
    "S$": _dollar_of("Singapore"),
    "NT$": _dollar_of("Taiwan"),
    "MX$": _Currency("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "R$": _Currency("real", "reais", "centavo", "centavos"),
    "USD": _dollar_of("U S"),
    "AUD": _dollar_of("Australian"),
    "CAD": _dollar_of("Canadian"),
    "NZD": _dollar_of("New Zealand"),
    "EUR": _EURO,
    "GBP": _POUND,
    "JPY": _YEN,
    "CHF": _Currency("Swiss franc", "Swiss francs", "centime", "centimes"),
    "CNY": _Currency("yuan", "yuan", "fen", "fen"),
    "RMB": _Currency("yuan", "yuan", "fen", "fen"),
    "INR": _Currency("rupee", "rupees", "paisa", "paise"),
    "SEK": _Currency("Swedish krona", "Swedish kronor", "öre", "öre"),
    "NOK": _Currency("Norwegian krone", "Norwegian kroner", "øre", "øre"),
    "DKK": _Currency("Danish krone", "Danish kroner", "øre", "øre"),
    "PLN": _Currency("zloty", "zlotys", "grosz", "groszy"),
    "CZK": _Currency("Czech crown", "Czech crowns", "haler", "halers"),
    "BTC": _Currency("bitcoin", "bitcoins"),
    "MXN": _Currency("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "BRL": _Currency("real", "reais", "centavo", "centavos"),
    "ZAR": _Currency("rand", "rand"),
    "₱": _Currency("peso", "pesos", "centavo", "centavos"),
    "PHP": _Currency("Philippine peso", "Philippine pesos", "centavo", "centavos"),
    "₦": _Currency("naira", "naira", "kobo", "kobo"),
    "NGN": _Currency("naira", "naira", "kobo", "kobo"),
    "Rs.": _Currency("rupee", "rupees", "paisa", "paise"),
    "Rs": _Currency("rupee", "rupees", "paisa", "paise"),
    "kr": _Currency("krone", "kroner", "øre", "øre"),
    "kr.": _Currency("krone", "kroner", "øre", "øre"),
    "zł": _Currency("zloty", "zlotys", "grosz", "groszy"),
    "Kč": _Currency("Czech crown", "Czech crowns", "haler", "halers"),
    "HUF": _Currency("forint", "forints"),
    "RUB": _Currency("rouble", "roubles", "kopeck", "kopecks"),
    "KRW": _Currency("won", "won", "jeon", "jeon"),
    "THB": _Currency("baht", "baht", "satang", "satang"),
    "ILS": _Currency("shekel", "shekels", "agora", "agorot"),
    "SGD": _dollar_of("Singapore"),
    "HKD": _dollar_of("Hong Kong"),
    "AED": _Currency("dirham", "dirhams", "fils", "fils"),
    "SAR": _Currency("riyal", "riyals", "halala", "halalas"),
}
SIGNS = "".join(name for name in _CURRENCIES if len(name) == 1)
CURRENCY = "|".join(re.escape(n) for n in sorted(_CURRENCIES, key=len, reverse=True))
_PER = {
    "h": "hour",
    "hr": "hour",
    "hour": "hour",
    "day": "day",
    "d": "day",
    "wk": "week",
    "week": "week",
    "mo": "month",
    "month": "month",
    "yr": "year",
    "year": "year",
    "night": "night",
    "person": "person",
    "kg": "kilogram",
    "lb": "pound",
    "oz": "ounce",
    "l": "liter",
    "gal": "gallon",
    "gallon": "gallon",
    "min": "minute",
    "kwh": "kilowatt hour",
    "kWh": "kilowatt hour",
    "GB": "gigabyte",
    "km": "kilometer",
    "mile": "mile",
    "visit": "visit",
    "class": "class",
    "session": "session",
    "ticket": "ticket",
    "unit": "unit",
    "item": "item",
    "piece": "piece",
    "user": "user",
    "seat": "seat",
    "share": "share",
    "hour/person": "hour per person",
    "m^2": "square meter",
    "sqft": "square foot",
    "sq ft": "square foot",
}
_PER_PATTERN = "|".join(re.escape(name) for name in sorted(_PER, key=len, reverse=True))
_UNIT_PRICE = rf"(?:\s?/\s?(?P<per>{_PER_PATTERN})(?![A-Za-z]))?"
_ENDING = rf"(?:-(?=[A-Za-z])|\s(?:dollars?|euros?|pounds?)\b)?{_UNIT_PRICE}"


def _spoken(written: str, scale: str | None, currency: _Currency, *, is_short: bool) -> str:
    if scale:
        return f"{scaled(written, scale)} {currency.many}"
    whole, _, part = canonical(written).partition(".")
    whole = whole or "0"
    unit = currency.one if int(whole) == 1 else currency.many
    if len(part) != 2 or currency is _YEN:
        exact = f"{whole}.{part}" if part else whole
        return f"{number(exact)} {currency.many if part else unit}"
    rest = words.cardinal(str(int(part)))
    cents = f"{rest} {currency.cent if int(part) == 1 else currency.cents}"
    if int(whole) == 0 and int(part):
        return cents
    if int(part) == 0:
        return f"{number(whole)} {unit}"
    if is_short:
        return f"{number(whole)} {unit} {'oh ' if int(part) < 10 else ''}{rest}"
    return f"{number(whole)} {unit} and {cents}"


def _amount(match: re.Match[str]) -> str:
    sign = {"-": "minus ", "+": "plus "}.get(match["sign"] or "", "")
    written, name, scale = match["number"], match["currency"], match["scale"]
    if name not in {"$", "£"} and re.fullmatch(r"[0-9]{1,3}\.[0-9]{3}", written):
        written = written.replace(".", "")
    currency = _CURRENCIES[name]
    said = sign + _spoken(written, scale, currency, is_short=currency is not _DOLLAR)
    per = match["per"]
    if not per and _DETERMINED.search(before(match)) and _is_noun_next(match):
        said = _as_adjective(said, currency)
    elif match[0].endswith("-") and after(match, 1).isalpha():
        said = _as_adjective(said, currency) + " "
    return f"{said} per {_PER[per]}" if per else said


_DETERMINED = re.compile(r"\b(?:an?|each|the|this|that|his|her|their|your|our|my)\s$")
_NO_NOUNS = frozenset(
    "and for each per the but you that was were are has had have will would they she from with "
    "into than which who when because not can could should did does per went goes came".split()
)


def _as_adjective(said: str, currency: _Currency) -> str:
    return re.sub(rf"\b{re.escape(currency.many)}$", currency.one, said)


def _is_noun_next(match: re.Match[str]) -> bool:
    """Whether the amount describes what follows, as in "a $5 bill"."""
    following = re.match(r" ([a-z]{3,})", after(match))
    return following is not None and following[1] not in _NO_NOUNS


def _range(match: re.Match[str]) -> str:
    name = match["currency"]
    currency = _CURRENCIES[name]
    low, high, scale = match["low"], match["high"], match["scale"]
    low_scale = match["low_scale"] if match["low_scale"] != scale else None
    first = scaled(low, low_scale)
    per = match["per"]
    said = f"{first} to {_spoken(high, scale, currency, is_short=True)}"
    return f"{said} per {_PER[per]}" if per else said


def _cents(match: re.Match[str]) -> str:
    count = match["number"]
    cent, cents = ("penny", "pence") if match["cent"] == "p" else ("cent", "cents")
    return f"{number(count)} {cent if count == '1' else cents}"


_SCALE = rf"(?:{SCALE}|[mb](?![\w]))"
"""Beside an amount "m" is no meter."""
_SCALED = rf"(?P<number>{NUMBER})(?:[.,][-–—](?!\w))?(?P<scale>{_SCALE})?"
_MONEY_SIGN = r"(?P<sign>(?<![\w)])[-+])?"
SHAPES: tuple[Shape, ...] = (
    shape(
        rf"(?P<currency>{CURRENCY})\s?(?P<low>{NUMBER})(?P<low_scale>{_SCALE})?"
        rf"(?:{RANGE})(?:(?P=currency)\s?)?(?P<high>{NUMBER})(?P<scale>{_SCALE})?(?![0-9]|[.,][0-9]|\s?%){_UNIT_PRICE}",
        lambda m: None if re.search(r"\s(?:or|and)\s", m[0]) else _range(m),
    ),
    shape(
        rf"(?P<low>{NUMBER})(?P<low_scale>{_SCALE})?\s?(?P<low_currency>{CURRENCY})?"
        rf"(?:\s?[-–—]\s?|\sto\s)(?P<high>{NUMBER})(?P<scale>{_SCALE})?"
        rf"\s?(?P<currency>{CURRENCY})(?![\w]){_UNIT_PRICE}",
        _range,
    ),
    shape(rf"{_MONEY_SIGN}(?P<currency>{CURRENCY})\s?{_SCALED}{_ENDING}", _amount),
    shape(rf"(?P<currency>{CURRENCY})\s?(?P<sign>[-+]){_SCALED}{_ENDING}", _amount),
    shape(
        rf"{_MONEY_SIGN}{_SCALED}\s?(?P<currency>{CURRENCY})(?![\w]|\s?[0-9]){_UNIT_PRICE}",
        _amount,
    ),
    shape(rf"(?P<number>{NUMBER})\s?(?P<cent>¢)", _cents),
    shape(r"(?P<number>[0-9]{1,2})(?P<cent>p)(?![\w])", _cents),
    shape(r"(?P<number>5|10|20|25|50|75|99)(?P<cent>c)(?![\w])", _cents),
)
