"""Numbers, dates, amounts, codes and formulas are said as people say them."""

from assistant.voice.speakable import speakable
from benchmarks.cases.case import Case

SAID = {
    "Call +44 20 7946 0018.": "plus four four, two zero, seven nine four six, zero zero one eight",
    "Ring (415) 555-2671": "four one five, five five five, two six seven one",
    "Freephone 0808 157 0192": "zero eight zero eight, one five seven, zero one nine two",
    "In 1876, it rang.": "In eighteen seventy six,",
    "the 1970s": "nineteen seventies",
    "$7.4M": "seven point four million dollars",
    "$8k": "eight thousand dollars",
    "30€": "thirty euros",
    "7,25 €": "seven euros twenty five",
    "$0.45": "forty five cents",
    "a lead of 4:2": "four to two",
    "6'1\"": "six foot one",
    "y = 9 - 4": "nine minus four",
    "4²": "four squared",
    "10^9": "ten to the power of nine",
    "√7": "the square root of seven",
    "3½ miles": "three and a half miles",
    "3/8": "three eighths",
    "11/30/2023": "November thirtieth, twenty twenty three",
    "30.11.2023": "November thirtieth, twenty twenty three",
    "PIN 9063": "nine oh six three",
    "zip 10027": "one oh oh two seven",
    "card 5105 1051 0510 5100": "five one zero five, one zero five one, zero five one zero",
    "1 mile and 1 kg": "one kilogram",
    "2e-9": "two times ten to the minus nine",
    "room 305": "three oh five",
    "8am-6pm": "eight a m to six p m",
    "2.500.000": "two million five hundred thousand",
    "F#": "F sharp",
    "Edward VII": "Edward the seventh",
    "World War II": "World War two",
    "−8 °C": "minus eight degrees celsius",
    "5–10 people": "five to ten people",
    "8 ft 3 in": "eight feet three inches",
    "Python 3.12": "three point twelve",
}


def run(case: Case) -> None:
    """Writes each as words."""
    for written, right in SAID.items():
        said = speakable(written)
        case.expect(right in said, f"{written} is {right!r}; said: {said!r}")
