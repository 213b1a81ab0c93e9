"""The words behind the rules of normalise.py."""

MONTHS = {
    "Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "May": "May", "Jun": "June",
    "Jul": "July", "Aug": "August", "Sept": "September", "Oct": "October", "Nov": "November", "Dec": "December",
}  # fmt: skip

SYMBOLS = {
    "°C": " degrees Celsius", "°F": " degrees Fahrenheit", "℃": " degrees Celsius", "℉": " degrees Fahrenheit",
    "°": " degrees", "№": " number ", "×": " times ", "÷": " divided by ", "±": " plus or minus ", "−": "-",
    "≈": " about ", "≠": " is not equal to ", "≤": " at most ", "≥": " at least ", "→": ", ", "∞": " infinity ",
    "√": " the square root of ", "π": " pi ", "²": " squared", "³": " cubed", "©": " copyright ", "®": "", "™": "",
    "…": "... ", "•": ", ", "·": ", ", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "§": " section ",
    "µs": " microseconds", "µm": " micrometers",
}  # fmt: skip

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}

UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"), "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"), "km": ("kilometer", "kilometers"), "m": ("meter", "meters"),
    "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"), "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"), "mg": ("milligram", "milligrams"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "ft": ("foot", "feet"), "ml": ("milliliter", "milliliters"), "l": ("liter", "liters"),
    "L": ("liter", "liters"), "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "ms": ("millisecond", "milliseconds"),
    "sec": ("second", "seconds"), "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "h": ("hour", "hours"),
    "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "V": ("volt", "volts"), "dB": ("decibel", "decibels"),
    "px": ("pixel", "pixels"), "fps": ("frame per second", "frames per second"),
}  # fmt: skip

ABBREVIATIONS = {
    "e.g.,": "for example,", "e.g.": "for example,", "i.e.,": "that is,", "i.e.": "that is,", "etc.": "et cetera",
    "vs.": "versus", "vs": "versus", "approx.": "approximately", "Prof.": "Professor", "dept.": "department",
    "Dept.": "Department", "Inc.": "Incorporated", "Ltd.": "Limited", "Co.": "Company", "Corp.": "Corporation",
    "Mt.": "Mount", "Jr.": "Junior", "Sr.": "Senior", "a.k.a.": "also known as", "aka": "also known as",
    "w/o": "without", "w/": "with", "btw": "by the way", "BTW": "by the way", "FYI": "for your information",
    "ASAP": "as soon as possible", "imo": "in my opinion", "IMO": "in my opinion", "Ph.D.": "PhD",
    "and/or": "and or", "Q&A": "Q and A", "lol": "ha ha", "LOL": "ha ha",
}  # fmt: skip

SPELLED = (  # flite reads most acronyms by their letters, but these as words
    "AC", "AI", "API", "AR", "ATM", "CEO", "CFO", "CIO", "CTO", "DC", "DIY", "DNA", "ETA", "EU", "FAQ", "GUI", "HR",
    "ID", "IDE", "IOS", "IOT", "IP", "IPO", "ISO", "IT", "OS", "PC", "PR", "QA", "RNA", "SUV", "TV", "UAE", "UFO",
    "UI", "UN", "URL", "US", "UX", "VIP", "VR",
)  # fmt: skip

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def _two_digits(number: int) -> str:
    if number < 20:
        return _ONES[number]
    ten, one = divmod(number, 10)
    return _TENS[ten - 2] + (f" {_ONES[one]}" if one else "")


def year(digits: str) -> str:
    """1984 as nineteen eighty four, 1905 as nineteen oh five, 1900 as nineteen hundred, 2007 as two thousand seven."""
    century, rest = divmod(int(digits), 100)
    if century == 20 and rest < 10:
        return "two thousand" + (f" {_ONES[rest]}" if rest else "")
    if not rest:
        return f"{_two_digits(century)} hundred"
    return f"{_two_digits(century)} {'oh ' if rest < 10 else ''}{_two_digits(rest)}"
