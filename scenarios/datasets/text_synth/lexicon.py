"""Words: what is judged, and the words that judge."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Nouns that the same adjectives fit.

    Args:
        nouns: singular, without article.
        praise: positive adjectives, besides those that fit everything.
        blame: negative ones.
    """

    nouns: tuple[str, ...]
    praise: tuple[str, ...]
    blame: tuple[str, ...]


@dataclass(frozen=True)
class Domain:
    """A subject.

    Args:
        wholes: what the verdict is about.
        groups: its aspects.
        elsewhere: where others of the kind are found, after a noun.
    """

    wholes: tuple[str, ...]
    groups: tuple[Group, ...]
    elsewhere: tuple[str, ...]


def _split(words: str) -> tuple[str, ...]:
    return tuple(word.strip().replace("_", " ") for word in words.split())


def _group(nouns: str, praise: str, blame: str) -> Group:
    return Group(_split(nouns), _split(praise), _split(blame))


PRAISE = _split(
    "great good excellent wonderful superb fantastic brilliant lovely marvellous delightful splendid terrific fabulous"
    " outstanding impressive exceptional remarkable magnificent pleasant enjoyable satisfying perfect amazing beautiful"
    " pleasing admirable glorious gorgeous first-rate incredible heavenly fine"
)
"""Positive adjectives that fit everything."""

BLAME = _split(
    "bad awful terrible horrible dreadful poor disappointing lousy dismal atrocious appalling miserable mediocre"
    " unpleasant annoying frustrating ghastly abysmal horrid pathetic wretched depressing tiresome disastrous"
    " hopeless shocking unbearable irritating second-rate hideous nasty feeble"
)
"""Negative adjectives that fit everything."""

GOOD_THINGS = _split("a_joy a_triumph a_treat a_delight a_pleasure a_gem a_success a_masterpiece a_wonder a_winner")
BAD_THINGS = _split(
    "a_disaster a_disgrace a_mess a_failure a_letdown a_nightmare a_shambles an_insult a_flop an_embarrassment"
)

LIKE = {
    "love": "loved",
    "enjoy": "enjoyed",
    "adore": "adored",
    "like": "liked",
    "admire": "admired",
    "praise": "praised",
}
HATE = {
    "hate": "hated",
    "dislike": "disliked",
    "loathe": "loathed",
    "detest": "detested",
    "despise": "despised",
    "resent": "resented",
}
"""Verbs and their past tense."""

DEGREES = _split("very really truly quite_simply utterly absolutely extremely surprisingly consistently genuinely")

PEOPLE = _split(
    "brother sister mother father uncle aunt cousin neighbour boss colleague dentist landlord teacher grandmother"
    " flatmate nephew"
)
KIND = _split("wonderful lovely delightful brilliant amazing marvellous splendid fantastic pleasant impressive")
UNKIND = _split(
    "horrible dreadful awful horrid ghastly miserable unpleasant irritating annoying tiresome hopeless nasty"
)
"""Adjectives for people who have nothing to do with the verdict."""

SPEAKERS = (
    *(f"my {person}" for person in PEOPLE),
    "the critic of the local paper",
    "a friend of mine",
    "the man in the queue",
    "the woman beside me",
    "one reviewer",
    "a well-known blogger",
)

OCCASIONS = _split("day morning evening afternoon night Monday Friday Saturday Sunday")
MATTERS = _split("journey meeting walk phone_call party lesson match interview speech dinner concert wedding")

_STAFF = ("friendly attentive courteous polite helpful", "rude careless inattentive unfriendly arrogant")

DOMAINS = {
    "restaurant": Domain(
        _split("restaurant meal bistro"),
        (
            _group(
                "soup lasagne steak salad sandwich curry pizza dessert cake risotto pie stew",
                "delicious tasty fresh flavourful mouth-watering",
                "bland stale greasy soggy inedible",
            ),
            _group("waiter waitress chef", *_STAFF),
            _group("dining_room terrace table", "cosy clean inviting", "dirty cramped draughty"),
        ),
        ("at the place next door", "at the new diner", "in the old canteen"),
    ),
    "film": Domain(
        _split("film movie picture"),
        (
            _group(
                "plot script ending final_scene story opening",
                "gripping clever witty moving original",
                "dull predictable clumsy shallow confusing",
            ),
            _group("performance cast lead_actor", "convincing charismatic subtle", "wooden unconvincing lifeless"),
            _group("soundtrack set_design title_song", "stylish atmospheric inventive", "ugly chaotic uninspired"),
        ),
        ("in the first part", "of the old version", "in the television series"),
    ),
    "hotel": Domain(
        _split("hotel stay resort"),
        (
            _group(
                "room bed bathroom lobby balcony pool",
                "spotless spacious comfortable elegant cosy",
                "filthy cramped uncomfortable shabby mouldy",
            ),
            _group("receptionist porter cleaner", *_STAFF),
            _group("breakfast buffet coffee", "delicious fresh generous", "stale lukewarm tasteless"),
        ),
        ("at the inn across the road", "in the hostel", "of the place by the station"),
    ),
    "phone": Domain(
        _split("phone handset device"),
        (
            _group("screen camera keyboard speaker", "crisp sharp responsive", "blurry faulty unresponsive"),
            _group("battery charger case cable", "durable reliable sturdy", "flimsy unreliable useless"),
            _group("operating_system menu update help_page", "intuitive smooth helpful", "buggy sluggish baffling"),
        ),
        ("of my old phone", "of the rival model", "in the cheaper version"),
    ),
    "book": Domain(
        _split("book novel paperback"),
        (
            _group(
                "plot style first_chapter ending heroine hero",
                "gripping vivid believable thoughtful moving",
                "dull tedious clumsy implausible pretentious",
            ),
            _group("cover translation layout", "stylish elegant careful", "ugly sloppy careless"),
        ),
        ("in the last volume", "of the earlier edition", "in the previous novel"),
    ),
    "concert": Domain(
        _split("concert show gig"),
        (
            _group(
                "band singer drummer orchestra choir soloist",
                "energetic inspired tuneful charismatic passionate",
                "lifeless tuneless uninspired half-hearted sloppy",
            ),
            _group("sound_system light_show hall stage", "crisp warm atmospheric", "muffled harsh gloomy"),
        ),
        ("at the festival last year", "on the previous tour", "at the other venue"),
    ),
    "course": Domain(
        _split("course class seminar"),
        (
            _group("lecturer tutor instructor", "patient inspiring knowledgeable", "impatient boring incompetent"),
            _group(
                "textbook first_assignment syllabus final_project workshop",
                "useful instructive stimulating clear",
                "pointless outdated confusing tedious",
            ),
        ),
        ("in the evening school", "at my last college", "of the online version"),
    ),
    "flight": Domain(
        _split("flight airline trip"),
        (
            _group("crew pilot steward", *_STAFF),
            _group("seat cabin lounge", "comfortable spacious clean", "cramped filthy uncomfortable"),
            _group("snack in-flight_meal lunch", "tasty fresh generous", "inedible lukewarm tasteless"),
        ),
        ("on the last airline we tried", "on the outbound leg", "on the night train"),
    ),
}
"""By name."""
