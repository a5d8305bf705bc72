"""What the voice is given for whole expressions: the value must be right, the words as one says."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.voice.english import number_words
from assistant.voice.speakable import speakable

TELEPHONES_AND_CODES = [
    ("Ring Lifeline on 13 11 14", "Ring Lifeline on one three, one one, one four"),
    ("on 1800 737 732", "on one eight zero zero, seven three seven, seven three two"),
    ("0800 111 0 111", "zero eight zero zero, one one one, zero, one one one"),
    ("112 or 999 is free", "one one two or nine nine nine is free"),
    ("988, by call or text", "nine eight eight, by call or text"),
    ("111 or 112 people", "one hundred eleven or one hundred twelve people"),
    ("flat 2B, level 3B.", "flat two B, level three B."),
    ("3B people", "three billion people"),
    ("221B Baker St.", "two twenty one B Baker street."),
    ("Version v2.0.1 works", "Version two point zero point one works"),
    ("call 116 123", "call one one six, one two three"),
    ("Room 5B", "Room five B"),
    ("ISO 8601", "I S O eighty six oh one"),
    ("order #12345", "order number one two three four five"),
    (
        "Call +1 (555) 123-4567.",
        "Call plus one, five five five, one two three, four five six seven.",
    ),
    ("Call 555-123-4567 now.", "Call five five five, one two three, four five six seven now."),
    ("Call 0049 30 123456.", "Call zero zero four nine, three zero, one two three four five six."),
    ("Call (212) 555-0199.", "Call two one two, five five five, zero one nine nine."),
    ("call 911 now", "call nine one one now"),
    ("Call 988 if you need help.", "Call nine eight eight if you need help."),
    ("Dial 112.", "Dial one one two."),
    ("Text HOME to 741741.", "Text HOME to seven four one seven four one."),
    ("1-800-273-8255", "one, eight zero zero, two seven three, eight two five five"),
    ("1-800-FLOWERS", "one, eight zero zero, flowers"),
    ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
    ("555-1234", "five five five, one two three four"),
    ("call me at 5551234", "call me at five five five one two three four"),
    ("0800 123456", "zero eight zero zero, one two three four five six"),
    ("call 300 people", "call three hundred people"),
    ("room 101", "room one oh one"),
    ("room 214", "room two fourteen"),
    ("Room 12", "Room twelve"),
    ("Room 1408", "Room fourteen oh eight"),
    ("PIN 4711", "PIN four seven one one"),
    ("PIN: 0815", "PIN: zero eight one five"),
    ("your code is 482913", "your code is four eight two nine one three"),
    ("zip 90210", "zip nine oh two one oh"),
    ("postcode SW1A 1AA", "postcode S W one A, one A A"),
    ("K1A 0B1", "K one A, zero B one"),
    ("flight LH 441", "flight L H four four one"),
    ("flight BA2490", "flight B A two four nine zero"),
    ("Flight 370", "Flight three seventy"),
    ("gate B12", "gate B twelve"),
    ("bus 42", "bus forty two"),
    ("Route 66", "Route sixty six"),
    (
        "card 4242 4242 4242 4242",
        "card four two four two, four two four two, four two four two, four two four two",
    ),
    ("card ending in 4242", "card ending in four two four two"),
    ("SSN 123-45-6789", "SSN one two three, four five, six seven eight nine"),
    (
        "ISBN 978-3-16-148410-0",
        "ISBN nine seven eight, three, one six, one four eight four one zero, zero",
    ),
    ("extension 204", "extension two oh four"),
    ("order 12345", "order one two three four five"),
    ("1600 Pennsylvania Avenue", "sixteen hundred Pennsylvania Avenue"),
    ("221B Baker Street", "two twenty one B Baker Street"),
    ("A380", "A three eighty"),
    ("H2O", "H two O"),
    ("COVID-19", "COVID nineteen"),
    ("GPT-4", "GPT four"),
    ("MP3", "M P three"),
    ("5G", "five G"),
    ("F-16", "F sixteen"),
    ("Boeing 747", "Boeing seven forty seven"),
    ("3.11.2", "three point eleven point two"),
    ("version 2.0.1", "version two point zero point one"),
    ("v2.5", "version two point five"),
    ("Python 3.11", "Python three point eleven"),
    ("192.168.0.1", "one nine two dot one six eight dot zero dot one"),
    ("127.0.0.1:8080", "one two seven dot zero dot zero dot one port eight zero eight zero"),
]

DATES_AND_TIMES = [
    ("the 1960s-70s", "the nineteen sixties to seventies"),
    ("at 12h30", "at twelve thirty"),
    ("the 1850s and 60s", "the eighteen fifties and sixties"),
    ("in 2010 and 2014 games", "in twenty ten and twenty fourteen games"),
    ("in 1500 cases", "in one thousand five hundred cases"),
    ("1000s of times", "thousands of times"),
    ("01/02/2023", "January second, twenty twenty three"),
    ("31.12.99", "December thirty first, nineteen ninety nine"),
    ("9.30 am", "nine thirty a m"),
    ("in 2024", "in twenty twenty four"),
    ("In 1999, we met.", "In nineteen ninety nine, we met."),
    ("Since 1984, things changed", "Since nineteen eighty four, things changed"),
    ("the 1984 film", "the nineteen eighty four film"),
    ("1500 people", "one thousand five hundred people"),
    ("about 2000 calories", "about two thousand calories"),
    ("2024 was good", "twenty twenty four was good"),
    ("the 1990s", "the nineteen nineties"),
    ("in the 80s", "in the eighties"),
    ("the '90s", "the nineties"),
    ("the 2010s", "the twenty tens"),
    ("the 1900s", "the nineteen hundreds"),
    ("in his 30s", "in his thirties"),
    ("mid-1990s", "mid-nineteen nineties"),
    ("the 19th century", "the nineteenth century"),
    ("1939–1945", "nineteen thirty nine to nineteen forty five"),
    ("1939-45", "nineteen thirty nine to forty five"),
    ("44 BC", "forty four B C"),
    ("AD 79", "A D seventy nine"),
    ("2024-12-25", "December twenty fifth, twenty twenty four"),
    ("12/25/2024", "December twenty fifth, twenty twenty four"),
    ("25/12/2024", "December twenty fifth, twenty twenty four"),
    ("25.12.2024", "December twenty fifth, twenty twenty four"),
    ("12/25/24", "December twenty fifth, twenty twenty four"),
    ("on 12/25", "on December twenty fifth"),
    ("Dec 25", "December twenty fifth"),
    ("Dec. 25, 2024", "December twenty fifth, twenty twenty four"),
    ("December 25th", "December twenty fifth"),
    ("25 December 2024", "the twenty fifth of December, twenty twenty four"),
    ("25th of December", "the twenty fifth of December"),
    ("March 2024", "March twenty twenty four"),
    ("May 5", "May fifth"),
    ("you may 5", "you may five"),
    ("Mon–Fri 9–5", "Monday to Friday nine to five"),
    ("Sat., Dec 25", "Saturday, December twenty fifth"),
    ("2024-12-25T14:30:00Z", "December twenty fifth, twenty twenty four, fourteen thirty"),
    ("9am–5pm", "nine a m to five p m"),
    ("9am-5pm", "nine a m to five p m"),
    ("9am", "nine a m"),
    ("10 p.m. sharp", "ten p m sharp"),
    ("9:05", "nine oh five"),
    ("14:30", "fourteen thirty"),
    ("9:00", "nine o'clock"),
    ("9:00 am", "nine a m"),
    ("9:30pm", "nine thirty p m"),
    ("9-5pm", "nine to five p m"),
    ("9:00–17:00", "nine o'clock to seventeen hundred"),
    ("14:00", "fourteen hundred"),
    ("at 7 PM", "at seven p m"),
    ("from 9 to 5", "from nine to five"),
    ("5pm EST", "five p m E S T"),
]

MONEY = [
    ("12 345,67 EUR", "twelve thousand three hundred forty five euros sixty seven"),
    ("5,- €", "five euros"),
    ("the $10 million bunker", "the ten million dollar bunker"),
    ("worth $65 billion dollars now", "worth sixty five billion dollars now"),
    ("£1.5m", "one point five million pounds"),
    ("$5.50", "five dollars and fifty cents"),
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("$1.01", "one dollar and one cent"),
    ("$0.99", "ninety nine cents"),
    ("$0.05", "five cents"),
    ("£3.50", "three pounds fifty"),
    ("€5.50", "five euros fifty"),
    ("5,50 €", "five euros fifty"),
    ("20€", "twenty euros"),
    ("¥100", "one hundred yen"),
    ("$1,234.56", "one thousand two hundred thirty four dollars and fifty six cents"),
    ("$5-10", "five to ten dollars"),
    ("$5–$10 million", "five to ten million dollars"),
    ("$3 million", "three million dollars"),
    ("$5.2M", "five point two million dollars"),
    ("$3k", "three thousand dollars"),
    ("$1.5bn", "one point five billion dollars"),
    ("€2.3 billion", "two point three billion euros"),
    ("£10k", "ten thousand pounds"),
    ("20 USD", "twenty U S dollars"),
    ("USD 20", "twenty U S dollars"),
    ("100 CHF", "one hundred Swiss francs"),
    ("50¢", "fifty cents"),
    ("50p", "fifty pence"),
    ("-$5", "minus five dollars"),
    ("$20/hr", "twenty dollars per hour"),
    ("$5/month", "five dollars per month"),
    ("a $5 bill", "a five dollar bill"),
    ("€1.000", "one thousand euros"),
    ("1.234,56 €", "one thousand two hundred thirty four euros fifty six"),
    ("US$50", "fifty U S dollars"),
    ("5 € and 3 $", "five euros and three dollars"),
]

UNITS = [
    ("2.5 lbs or 12 oz", "two point five pounds or twelve ounces"),
    ("10 min to 1 h", "ten minutes to one hour"),
    ("½ an hour", "half an hour"),
    ("about ~5 km", "about five kilometers"),
    ("1 kg", "one kilogram"),
    ("1 km", "one kilometer"),
    ("5 km", "five kilometers"),
    ("0.5 kg", "zero point five kilograms"),
    ("1/2 kg", "half a kilogram"),
    ("5–10 km", "five to ten kilometers"),
    ("60 km/h", "sixty kilometers per hour"),
    ("5 m²", "five square meters"),
    ("1 m³", "one cubic meter"),
    ("100 m", "one hundred meters"),
    ("2 l", "two liters"),
    ("5 mph", "five miles per hour"),
    ("20 °C", "twenty degrees celsius"),
    ("-5°C", "minus five degrees celsius"),
    ("−5 °C", "minus five degrees celsius"),
    ("1 °C", "one degree celsius"),
    ("98.6 °F", "ninety eight point six degrees fahrenheit"),
    ("70F", "seventy degrees fahrenheit"),
    ("45°", "forty five degrees"),
    ("1°", "one degree"),
    ("5'11\"", "five foot eleven"),
    ("6' tall", "six feet tall"),
    ('12" pizza', "twelve inch pizza"),
    ("6 ft 2 in", "six feet two inches"),
    ("5 lbs", "five pounds"),
    ("1 lb", "one pound"),
    ("16 oz", "sixteen ounces"),
    ("8 GB", "eight gigabytes"),
    ("64GB RAM", "sixty four gigabytes RAM"),
    ("100 Mbps", "one hundred megabits per second"),
    ("2.4 GHz", "two point four gigahertz"),
    ("500 ml", "five hundred milliliters"),
    ("10 x 15 cm", "ten by fifteen centimeters"),
    ("5%", "five percent"),
    ("5 %", "five percent"),
    ("5-10%", "five to ten percent"),
    ("10x", "ten times"),
    ("230 V", "two hundred thirty volts"),
    ("5 kWh", "five kilowatt hours"),
    ("9.81 m/s²", "nine point eight one meters per second squared"),
    ("10 mg/dL", "ten milligrams per deciliter"),
    ("6 l/100 km", "six liters per one hundred kilometers"),
    ("72 bpm", "seventy two beats per minute"),
    ("a 5 km run", "a five kilometer run"),
    ("in km/h", "in kilometers per hour"),
]

ARITHMETIC = [
    ("9/10 people", "nine out of ten people"),
    ("f(x) = 2x + 1", "f(x) equals two x plus one"),
    ("E = mc²", "E equals m c squared"),
    ("3 <= 4", "three less than or equal to four"),
    ("5 != 4", "five is not equal to four"),
    ("50:50", "fifty fifty"),
    ("3:1", "three to one"),
    ("16:9", "sixteen to nine"),
    ("1:100", "one to one hundred"),
    ("ratio of 1:10", "ratio of one to ten"),
    ("won 10:15", "won ten to fifteen"),
    ("5/8", "five eighths"),
    ("2½", "two and a half"),
    ("2½ hours", "two and a half hours"),
    ("2 1/2 hours", "two and a half hours"),
    ("1/2 cup", "half a cup"),
    ("1/2", "one half"),
    ("3/4 cup", "three quarters cup"),
    ("7/10", "seven tenths"),
    ("rated 7/10", "rated seven out of ten"),
    ("24/7", "twenty four seven"),
    ("50/50", "fifty fifty"),
    ("9/11", "nine eleven"),
    ("120/80", "one hundred twenty over eighty"),
    ("page 3/10", "page three of ten"),
    ("10³", "ten cubed"),
    ("x²", "x squared"),
    ("10^6", "ten to the power of six"),
    ("2^10", "two to the power of ten"),
    ("10⁻³", "ten to the power of minus three"),
    ("x^n", "x to the power of n"),
    ("√2", "the square root of two"),
    ("√16 = 4", "the square root of sixteen equals four"),
    ("∛8", "the cube root of eight"),
    ("5 - 3", "five minus three"),
    ("5 - 10", "five to ten"),
    ("5–10 people", "five to ten people"),
    ("x = 5 - 3", "x equals five minus three"),
    ("5+3=8", "five plus three equals eight"),
    ("7 - 2 = 5", "seven minus two equals five"),
    ("-5", "minus five"),
    ("10 / 2 = 5", "ten divided by two equals five"),
    ("3 × 4", "three times four"),
    ("2*3", "two times three"),
    ("6 ÷ 2", "six divided by two"),
    ("1e-5", "ten to the minus five"),
    ("6.02e23", "six point zero two times ten to the twenty three"),
    ("6.02 × 10²³", "six point zero two times ten to the power of twenty three"),
    ("±5", "plus or minus five"),
    ("~5", "about five"),
    ("≈5", "about five"),
    ("<5", "less than five"),
    (">5", "more than five"),
    ("≤5", "at most five"),
    ("18+", "eighteen plus"),
    ("3.14", "three point one four"),
    (".5", "point five"),
    ("1,000,000", "one million"),
    ("1.000.000", "one million"),
    ("1 000 000", "one million"),
    ("10,5", "ten point five"),
    ("1,2,3", "one, two, three"),
    ("1st", "first"),
    ("22nd", "twenty second"),
    ("1,000th", "one thousandth"),
    ("10K", "ten thousand"),
    ("2M users", "two million users"),
    ("#5", "number five"),
    ("π ≈ 3.14", "pi is about three point one four"),
    ("a ≠ b", "a is not equal to b"),
]

NAMES = [
    ("He lives on St. James St. in Bath.", "He lives on Saint James street in Bath."),
    ("See St. Mary.", "See Saint Mary."),
    ("On Main St. Yesterday", "On Main street Yesterday"),
    ("Henry VIII", "Henry the eighth"),
    ("Elizabeth II", "Elizabeth the second"),
    ("King Charles III", "King Charles the third"),
    ("Pope John Paul II", "Pope John Paul the second"),
    ("Louis XIV's court", "Louis the fourteenth's court"),
    ("World War II", "World War two"),
    ("World War I", "World War one"),
    ("WWII", "World War two"),
    ("Chapter IV", "Chapter four"),
    ("Part I", "Part one"),
    ("I am here", "I am here"),
    ("Mary I of England", "Mary the first of England"),
    ("Super Bowl LIX", "Super Bowl fifty nine"),
    ("Act II, Scene III", "Act two, Scene three"),
    ("John Smith III", "John Smith the third"),
    ("Malcolm X", "Malcolm X"),
    ("Vitamin C", "Vitamin C"),
    ("XIX century", "nineteenth century"),
    ("Type II diabetes", "Type two diabetes"),
    ("anna.b@example.com", "anna dot b at example dot com"),
    ("https://www.example.com/a?b=1.", "example dot com."),
    ("example.org/path", "example dot org"),
    ("#MondayMotivation", "hashtag Monday Motivation"),
    ("@anna_b", "at anna b"),
    ("C#", "C sharp"),
    ("C++", "C plus plus"),
    (".NET", "dot NET"),
    ("Node.js", "Node dot js"),
    ("app.py", "app dot py"),
    ("and/or", "and or"),
    ("he/she", "he or she"),
    ("A+", "A plus"),
    ("Dr. Lee", "doctor Lee"),
    ("Dr Lee", "doctor Lee"),
    ("Main St.", "Main street."),
    ("St. Peter", "Saint Peter"),
    ("e.g. this", "for example this"),
    ("tea, etc.", "tea, et cetera."),
    ("A vs. B", "A versus B"),
    ("No. 5", "number five"),
    ("approx. 5", "approximately five"),
    ("Mr. Smith", "mister Smith"),
    ("J. K. Rowling", "J K Rowling"),
    ("R&D", "R and D"),
    ("you & me", "you and me"),
    ("USA", "U S A"),
    ("NASA", "NASA"),
    ("AI", "A I"),
    ("w/o sugar", "without sugar"),
    ("Mt. Everest", "Mount Everest"),
    ("p. 5", "page five"),
    ("pp. 5-10", "pages five to ten"),
    ("Fig. 3", "figure three"),
    ("vol. II", "volume two"),
    ("the U.S. army", "the U S army"),
]


@pytest.mark.parametrize(("text", "expected"), TELEPHONES_AND_CODES)
def test_telephones_and_codes(text: str, expected: str) -> None:
    assert speakable(text) == expected


@pytest.mark.parametrize(("text", "expected"), DATES_AND_TIMES)
def test_dates_and_times(text: str, expected: str) -> None:
    assert speakable(text) == expected


@pytest.mark.parametrize(("text", "expected"), MONEY)
def test_money(text: str, expected: str) -> None:
    assert speakable(text) == expected


@pytest.mark.parametrize(("text", "expected"), UNITS)
def test_units(text: str, expected: str) -> None:
    assert speakable(text) == expected


@pytest.mark.parametrize(("text", "expected"), ARITHMETIC)
def test_arithmetic(text: str, expected: str) -> None:
    assert speakable(text) == expected


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_names(text: str, expected: str) -> None:
    assert speakable(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), TELEPHONES_AND_CODES + DATES_AND_TIMES + MONEY + UNITS + ARITHMETIC
)
def test_an_expression_is_read_alike_within_a_sentence(text: str, expected: str) -> None:
    assert expected.rstrip(".") in speakable(f"Well, {text.rstrip('.')}, as I said.")


EXPRESSIONS = [
    text for text, _ in TELEPHONES_AND_CODES + DATES_AND_TIMES + MONEY + UNITS + ARITHMETIC + NAMES
]
PIECES = st.sampled_from(EXPRESSIONS) | st.text("0123456789.,:/-+ $€%°^xXIVam'\"()#@", max_size=8)


@given(st.lists(PIECES, max_size=6).map(" ".join))
def test_nothing_is_left_that_a_voice_would_have_to_guess(text: str) -> None:
    spoken = speakable(text)

    assert not set(spoken) & set(string.digits + "$€£%°^#@+=<>~*_/\\|{}[]√×÷≈")
    assert "  " not in spoken
    assert spoken == spoken.strip()


@given(st.integers(0, 10**15 - 1))
def test_grouped_numbers_have_the_value_of_plain_ones(value: int) -> None:
    for sign in ",'":
        written = f"{value:,}".replace(",", sign)
        assert speakable(f"It adds up to {written} euros") == (
            f"It adds up to {number_words.cardinal(str(value))} euros"
        )
