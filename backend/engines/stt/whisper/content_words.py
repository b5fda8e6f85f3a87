"""The words of a text that carry its meaning; interjections, which are often hardly audible, are not among them."""

_LISTED = """
ah hey no now oh ok okay please yes
a about above after again all am an and any are as at be because been before being between both but by can could
did do does down during each few for from had has have he her here hers him his how i if in into is it its just
may me might more most must my no nor not of off on once one only or other our out over own said same shall she
should so some such than that the their them then there these they this those through to too under until up upon
us very was we well were what when where which while who whom whose why will with would yes you your
"""
_FUNCTION_WORDS = frozenset(_LISTED.split())
SHORTEST = 3
"""Letters: shorter words are hardly ever content."""


def is_content_word(key: str) -> bool:
    """Return whether a lower-case word carries meaning; of other languages than English only the length is judged."""
    return len(key) >= SHORTEST and key not in _FUNCTION_WORDS
