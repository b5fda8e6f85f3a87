"""The training texts for espeak: random sentences of plain words, the same in every build."""

import random
from collections.abc import Iterator

_NOUNS = """
time year people way day man thing woman life child world school state family student group country problem hand part
place case week company system program question work government number night point home water room mother area money
story fact month lot right study book eye job word business issue side kind head house service friend father power hour
game line end member law car city community name president team minute idea kid body information back parent face
others level office door health person art war history party result change morning reason research girl guy moment air
teacher force education foot boy age policy music market sense nation plan college interest death experience effect
use class control field development role effort rate heart drug show leader light voice wife police mind price report
decision son view relationship town road arm difference value building action season society tax director position
player record paper space ground form event official matter center couple site project activity star table need court
oil situation cost industry figure street image phone data picture practice piece land product doctor wall patient
worker news test movie north love support technology step baby computer type attention film tree source truth fire
future ship boat church bridge river ocean island garden flower animal horse dog fish bird mouse sheep cheese bread
butter sugar salt soup fruit apple orange lemon cherry grape bottle glass knife spoon fork plate kitchen bedroom window
chair couch lamp candle clock watch ring jewel treasure measure pleasure garage beige vision television engine judge
edge village bandage cabbage message package luggage youth mouth tooth teeth cloth breath path bath earth birth month
length strength width depth thumb thief theory thread throat throne feather weather leather brother clothing breeze
smoke snow snake swan sweater switch twin twist tweed square squirrel scream screen script spring sprout string stripe
splash split shrimp shrub thrill queen quilt quick cube cure curve few beauty duty tune tube mule music human huge
union onion lion giant poet poem idiot quiet diet science client violin piano radio studio area idea real theatre
hour flower tower power shower fire wire tyre choir layer player mayor prayer lawyer employer annoyance joy boy toy
coin point noise voice oyster boil soil toilet bull wool wolf wood foot cook hook push pull bush sugar cushion
bear pear chair hair care stair fair air square fear beer deer ear year tear pier cheer tour poor moor sure
anchor uncle ankle angle finger singer hunger anger jungle donkey monkey bank tank think song king wing thing
castle whistle muscle parcel pencil candle needle saddle bottle kettle metal petal total vital local vocal legal
mountain fountain curtain button cotton kitten mitten garden pardon wooden sudden hidden lesson reason season
bathtub bobcat cobweb clubhouse jobless subway obvious objects rugby rugged ragtime magnet signal dogma pigment
eggshell bagpipe ragged goggle giggle bulbs cubes robes jobs dogs eggs leaves loves caves halves moves gives
lathe bathe breathe smooth teethe soothe clothes months fifths sixths twelfth eighth width hundredth
"""

_VERBS = """
said made went took came saw knew got gave found thought told became left put meant kept let began helped showed heard
played ran moved lived believed brought happened wrote provided sat stood lost paid met included continued set learned
changed led understood watched followed stopped created spoke read allowed added spent grew opened walked won offered
remembered loved considered appeared bought waited served died sent expected built stayed fell cut reached killed
remained suggested raised passed sold required reported decided pulled judged touched reached washed pushed finished
wished crashed laughed coughed leaped jumped asked risked danced fixed mixed boxed robbed rubbed grabbed hugged begged
dragged breathed bathed caused used pleased buzzed teased measured envied worried hurried carried married buried
thanked winked barked marked helped shaped dropped lifted shifted drifted hunted wanted counted painted pointed joined
chewed viewed renewed argued rescued continued valued issued threw grew drew flew shrank shrugged shrieked thrived
squeezed squashed twisted twirled swam swept swung smiled smelled sneezed snored spread sprang struck strolled
"""

_ADJECTIVES = """
good new first last long great little own other old right big high different small large next early young important
few public bad same able free sure low late hard major better economic strong possible whole real best close common
recent poor dark various entire ready simple left physical general available likely cold warm hot wet dry deep wide
narrow thick thin thirty thousand yellow orange purple brown blue green grey black white red pink gentle rough smooth
loud quiet angry happy hungry thirsty sleepy lazy busy dizzy fuzzy crazy easy noisy juicy sweet sour bitter bright
vague vast vivid weird royal loyal loud proud round youthful truthful earthy healthy worthy northern southern
strange changed huge usual casual visual unusual precious special social crucial anxious gorgeous dangerous generous
gigantic frozen foolish foreign fresh frequent thorough theatrical authentic enthusiastic athletic rhythmic
obvious objective absurd abrupt subtle cubic robust urban verbal global fragile agile fertile hostile
"""

_ADVERBS = """
up so out just now how then more also here well only very even back there down still in as too when never really most
once again away today always often ago together already slowly quickly sadly gladly boldly vaguely strangely roughly
loudly gently hugely usually merely barely surely poorly purely thoroughly everywhere nowhere somehow anyhow
"""

_SMALL = """
the a an of to in for on with at by from about into over after under between out against during without before through
and but or so because if while although that this these those my your his her its our their some any each every no
he she it we they you I who which what would could should will can may might must do does did is are was were be been
has have had not all one two three four five six seven eight nine ten eleven twelve twenty thirty
"""

_LONG = """
university international understanding opportunity possibility communication information organization introduction
television photograph photographer electricity responsibility environment government agriculture temperature
celebration imagination conversation congratulations disappointment encyclopedia extraordinary helicopter hippopotamus
grandmother grandfather afternoon overcoat underground undertook everybody somebody newspaper waterfall lighthouse
moonlight sunshine thunderstorm snowflake rainbow butterfly strawberry blueberry gooseberry pineapple marketplace
independent magnificent mysterious ridiculous comfortable vegetable interesting particularly unfortunately absolutely
immediately eventually occasionally enthusiastically mathematics economics biography geography laboratory observatory
kangaroo crocodile rhinoceros mosquito tomato potato umbrella banana chocolate adventure architecture manufacture
carpenter engineer musician magician politician electrician librarian vegetarian historian guardian barbarian
refrigerator calculator elevator alligator investigator navigator operator generator decorator educator
"""

_ENDS = (".", ".", ".", ".", "?", "!", ".")
_BREAKS = (",", ",", ",", ";", ":")


def sentences(count: int, seed: int) -> Iterator[str]:
    """Yield `count` sentences of three to thirteen words, determined by `seed`."""
    chance = random.Random(seed)  # noqa: S311 - variety, not secrecy
    groups = [words.split() for words in (_NOUNS + _LONG, _VERBS, _ADJECTIVES, _ADVERBS, _SMALL)]
    for _ in range(count):
        yield _sentence(chance, groups)


def _sentence(chance: random.Random, groups: list[list[str]]) -> str:
    nouns, verbs, adjectives, adverbs, small = groups
    patterns = (
        (small, adjectives, nouns, verbs, small, nouns),
        (small, nouns, verbs, small, adjectives, nouns, adverbs),
        (nouns, small, nouns, verbs),
        (small, small, verbs, small, nouns, small, small, nouns),
        (adjectives, nouns, adverbs, verbs),
        (verbs, small, nouns),
    )
    clauses = []
    for _ in range(chance.choice((1, 1, 2))):
        clauses.append(" ".join(chance.choice(group) for group in chance.choice(patterns)))
    text = f"{chance.choice(_BREAKS)} ".join(clauses)
    return text[0].upper() + text[1:] + chance.choice(_ENDS)
