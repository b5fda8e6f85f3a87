from django.test import SimpleTestCase

from core_engine.kokoro.text.normalization import normalize
from core_engine.tests.growth import LINEAR, growth

CASES = {
    "quotes": ("‘a’ “b” «c» (d)", '\'a\' "b" "c" «d»'),
    "cjk_marks": ("一、二。三！四，五：六；七？", "一, 二. 三! 四, 五: 六; 七?"),
    "spaces": ("a\t\u00a0b   c\r\nd\n  \ne ", "a b c \nd\n\ne"),
    "doctor": ("Dr. No DR. NO Dr. no", "Doctor No Doctor NO Dr. no"),
    "mister": ("Mr. x MR. X MR. x", "Mister x Mister X MR. x"),
    "miss": ("Ms. x MS. X MS. x", "Miss x Miss X MS. x"),
    "mrs": ("Mrs. x MRS. X MRS. x", "Mrs x Mrs X MRS. x"),
    "etc": ("etc. and etc. And", "etc and etc. And"),
    "yeah": ("Yeah yea YEAH yeahs", "Ye'a ye'a Ye'a yeahs"),
    "years": (
        "1987 1905 1900 1800s 2004 1066 1100 1990s",
        "19 87 19 oh 5 19 hundred 18 hundreds 2004 1066 11 hundred 19 90s",
    ),
    "times": ("6:00 5:05 12:45 13:05 3:60 1:20:30", "6 o'clock 5 oh 5 12 45 13:05 3:60 1:20:30"),
    "digit_groups": ("1,234,567 a,1", "1234567 a,1"),
    "dollars": (
        "$1 $2 $1.01 $2.5 $1,000.10",
        "1 dollar 2 dollars 1 dollar and 1 cent 2 dollars and 50 cents 1000 dollars and 10 cents",
    ),
    "pounds": ("£1 £0.01 £3.20", "1 pound 0 pounds and 1 penny 3 pounds and 20 pence"),
    "large_money": (
        "$5 million £2 Thousand $1.5 billion",
        "5 million dollars 2 Thousand pounds 1 point 5 billion dollars",
    ),
    "decimals": ("3.14 .5 1.2.3", "3 point 1 4  point 5 1 point 2 point 3"),
    "ranges": ("3-4 a-4 10-12-14", "3 to 4 a-4 10 to 12 to 14"),
    "digit_before_s": ("5S 5s", "5 S 5s"),
    "possessives": ("B's Bs X's A's MPs", "B'S B'S X's A's MP'S"),
    "initials": ("the U.S. team U.S. A.B.C. J.K.Rowling", "the U-S- team U-S. A-B-C. J-K-Rowling"),
    "initials_after_initials": ("a.b. c.d.e. f", "a-b- c-d-e- f"),
    "dots_between_letters": ("file.txt A.b", "file-txt A-b"),
}


class NormalizeTests(SimpleTestCase):
    def test_normalize_rules(self) -> None:
        for name, (text, expected) in CASES.items():
            with self.subTest(name):
                self.assertEqual(normalize(text), expected)

    def test_normalize_empty(self) -> None:
        self.assertEqual(normalize(""), "")
        self.assertEqual(normalize(" \n\t "), "")

    def test_normalize_any_flood_grows_linearly(self) -> None:
        for flood in (".", " ", "\n", "A.", "7", "$", "$1.", '"', "'s", "1,", "1-", "1:", "B's", "a.b. ", "1.1", "S"):
            with self.subTest(flood):
                self.assertLess(growth(normalize, flood, 20_000), LINEAR)
