"""From a transcript to comparable words: contractions written out, one spelling, endings and small sounds removed."""

import re

_CONTRACTIONS = {
    "what's": "what is", "who's": "who is", "where's": "where is", "how's": "how is", "that's": "that is", "hiya": "hi",
    "it's": "it is", "there's": "there is", "let's": "let us", "i'm": "i am", "can't": "can not", "won't": "will not",
    "cannot": "can not", "gonna": "going to", "wanna": "want to", "gimme": "give me", "ai": "a i", "gpu": "g p u",
    "webrtc": "web r t c",
}  # fmt: skip
_ENDINGS = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would"}
_SPELLINGS = {
    "favourite": "favorite", "colour": "color", "centre": "center", "licence": "license", "grey": "gray",
    "film": "movie", "films": "movie", "movies": "movie", "maths": "math", "mum": "mother", "mom": "mother",
    "ok": "okay", "yep": "yes", "yup": "yes", "hallo": "hello",
}  # fmt: skip

# what a recogniser makes of breath and noise, and words that nobody says alone
NOISE = frozenset([
    "uh", "um", "hm", "hmm", "mm", "mmm", "mhm", "ah", "er", "erm", "eh", "oh", "huh", "noise", "sil",
    "the", "and", "an", "of", "to", "in", "it", "is", "but", "or", "so", "that", "at", "on",
])  # fmt: skip
# carry no meaning inside a question
_FILLERS = frozenset([
    "uh", "um", "hm", "hmm", "mm", "ah", "er", "erm", "eh", "oh", "well", "please", "just", "actually", "basically",
    "now", "so", "okay",
])  # fmt: skip
_VOWEL = re.compile(r"[aeiouy]")


def split(text: str) -> list[str]:
    """Lower-case words and digits without punctuation; "what's" is "what", "is"."""
    text = text.lower().replace("\u2019", "'")
    found = []
    for word in re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text):
        word = _CONTRACTIONS.get(word, word)
        for ending, full in _ENDINGS.items():
            if word.endswith(ending):
                word = word.removesuffix(ending) + full
        found += [_SPELLINGS.get(one, one) for one in word.removesuffix("'s").split()]
    return found


def is_noise(text: str) -> bool:
    """No words, only breath, or a single letter or function word: nothing that wants an answer."""
    heard = [word for word in split(text) if word not in NOISE]
    return not heard or (len(heard) == 1 and len(heard[0]) == 1 and not heard[0].isdigit())


def content(words: list[str]) -> list[str]:
    """Without fillers, unless there is nothing else."""
    return [word for word in words if word not in _FILLERS] or words


def stem(word: str) -> str:
    """Light: plural, -ing and -ed only, where a vowel and three letters are left."""
    if word == "times":  # of sums, not of clocks
        return word
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= 3 and _VOWEL.search(rest) and not word.endswith("ss"):
            return rest + instead
    return word


_SOUNDS = (
    (r"^kn", "n"), (r"^wr", "r"), (r"^wh", "w"), (r"mb$", "m"), (r"igh", "i"), (r"ght", "t"), (r"ph", "f"),
    (r"tch|ch", "C"), (r"sh|ti(?=on)|ci(?=a)", "S"), (r"th", "T"), (r"ck", "k"), (r"c(?=[eiy])", "s"), (r"c|q", "k"),
    (r"x", "ks"), (r"dg|j|g(?=e$)", "C"), (r"z", "s"), (r"(?<=[aeiou])[hw]", ""), (r"d", "t"), (r"g", "k"), (r"v", "f"),
    (r"b", "p"), (r"e$", ""), (r"[aeiouyw]+", "a"), (r"(.)\1+", r"\1"),
)  # fmt: skip
_RULES = tuple((re.compile(pattern), instead) for pattern, instead in _SOUNDS)


def sound(word: str) -> str:
    """A rough key of how the word sounds: voiced and unvoiced consonants are one, all vowels are one.

    "four" and "for" are both "far", "weather" and "whether" both "aTar".
    """
    key = word
    for pattern, instead in _RULES:
        key = pattern.sub(instead, key)
    return key or word
