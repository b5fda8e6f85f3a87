"""Full stops that end no sentence: behind abbreviations, initials and the numbers of ordinals, language by language.

A word is listed where a capital letter often follows it within a sentence, as a name does "Dr."; what stands before a
small letter ends no sentence anyway, and what may stand at the end of one ("usw.", "etc." but for English) is left out.
"""

import re

_WORD_BEFORE = re.compile(r"[^\s\"'“”‘’«»()\[\]{}]+(?:['’][^\s\"'“”‘’«»()\[\]{}]+)*\Z")
"""The last word, an apostrophe within it included: the t of "can't" is no initial."""

_INITIALS = re.compile(r"(?!I\Z)(?:[^\W\d_][.-])*[^\W\d_]")
"""A single letter (but not the word I) or several with dots between; the normalised text has hyphens instead."""

_ELISION = re.compile(r"\A\w+['’](?=\w{2})")
"""As in French and Italian: l’ing. Rossi."""

_ABBREVIATIONS = {
    "en": "mr mrs ms mx dr prof rev hon st sr jr gen col capt lt sgt cpl maj adm cmdr gov sen rep pres supt messrs mme "
    "mlle esq mt ft vs cf viz etc al ca approx dept est inc ltd co corp bros ave blvd rd ph.d ph-d",
    "de": "dr prof hr hrn fr frl st dipl ing mag hl vgl bzw ca evtl ggf inkl bspw sog zzgl geb gest hrsg max min str",
    "nl": "dr drs prof ir ing mr dhr mevr mw jhr st bijv bv ca evt incl max min",
    "fr": "mm mme mmes mlle mlles mgr me dr pr st ste env av",
    "es": "sr sra sres sras srta dr dra drs dña lic ing prof gral cap cía ud uds vd vds av avda ee p.ej",
    "it": "sig sigg sig.ra sig.na dott dott.ssa prof prof.ssa avv ing arch geom rag on mons",
    "pt": "sr sra srs sras srta dr dra drs prof profa eng exmo exma av v.exa",
    "pl": "dr prof mgr inż hab ks św ul al np tzw tzn m.in",
    "cs": "dr mgr ing prof doc mudr judr sv např tj tzv",
    "sv": "dr prof hr fr frk st ca t.ex bl.a s.k",
    "da": "d dr prof hr fr frk skt ca f.eks bl.a",
    "no": "dr prof hr fr frk st ca f.eks bl.a",
    "fi": "dr tri prof esim mm",
    "hu": "dr ifj id özv prof pl ún szt",
    "tr": "dr prof doç av sn yrd",
    "ru": "им проф акад св см ср тов гр ул пр напр т.е т.к т.н",
    "el": "κ κα κ.κ δρ π.χ αγ",
    "hi": "डॉ प्रो श्री",
    "sw": "bw bi dkt prof",
}
_ABBREVIATIONS_BEFORE_NUMBERS = {
    "en": "no nos vol vols p pp chap ch fig figs eq sec art op ed jan feb mar apr jun jul aug sep sept oct nov dec",
    "": "nr nº blz núm pág págs pag pagg p pp s bd vol kap cap chap abb fig art tel str č sz n гл стр рис с тел",
}
"""Of other languages than English the same: a word among them that is one elsewhere stands before a number seldom."""

_SMALL_LETTERS = frozenset(["de", "nl"])
"""Where a small letter alone is always short for a word: z. B., d. h., v. Chr."""

_ORDINAL = re.compile(r"\d{1,2}")
_ORDINALS = frozenset(["cs", "da", "de", "fi", "hu", "no", "pl", "tr"])
"""Where "3." is the third: am 3. Mai, der 2. Weltkrieg."""

_KNOWN = {language: frozenset(words.split()) for language, words in _ABBREVIATIONS.items()}
_BEFORE_NUMBERS = {language: frozenset(words.split()) for language, words in _ABBREVIATIONS_BEFORE_NUMBERS.items()}


def belongs_to_a_word(before: str, language: str, *, followed_by_number: bool) -> bool:
    """Tell whether a full stop behind `before` belongs to its last word rather than ends a sentence."""
    match = _WORD_BEFORE.search(before)
    if match is None:
        return False
    word, spoken = match.group(), language.partition("-")[0]
    if _INITIALS.fullmatch(word) and (spoken == "en" or spoken in _SMALL_LETTERS or word.isupper()):
        return True
    if spoken in _ORDINALS and _ORDINAL.fullmatch(word):
        return True
    if followed_by_number and word.lower() in _BEFORE_NUMBERS.get(spoken, _BEFORE_NUMBERS[""]):
        return True
    return _ELISION.sub("", word.lower()) in _KNOWN.get(spoken, ())
