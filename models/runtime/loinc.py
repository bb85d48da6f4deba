"""The check digit of a LOINC code, so that a mistyped code does not silently match nothing."""


def check_digit_holds(code: str) -> bool:
    """Whether `12345-6` carries the right mod-10 check digit (LOINC Users' Guide, appendix on the check digit)."""
    body, dash, check = code.partition("-")
    if not (dash and body.isdigit() and check.isdigit() and len(check) == 1):
        return False
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body))]
    total = sum(number // 10 + number % 10 for number in doubled)
    return (10 - total % 10) % 10 == int(check)
