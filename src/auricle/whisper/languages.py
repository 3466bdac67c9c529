"""The languages Whisper knows, by code and English name, and what users write for them.

Knows nothing about any one model: which of these it was trained on is in its vocabulary.
"""

from __future__ import annotations

from auricle.errors import BadSetting

NAMES: dict[str, str] = {
    "en": "english",
    "zh": "chinese",
    "de": "german",
    "es": "spanish",
    "ru": "russian",
    "ko": "korean",
    "fr": "french",
    "ja": "japanese",
    "pt": "portuguese",
    "tr": "turkish",
    "pl": "polish",
    "ca": "catalan",
    "nl": "dutch",
    "ar": "arabic",
    "sv": "swedish",
    "it": "italian",
    "id": "indonesian",
    "hi": "hindi",
    "fi": "finnish",
    "vi": "vietnamese",
    "he": "hebrew",
    "uk": "ukrainian",
    "el": "greek",
    "ms": "malay",
    "cs": "czech",
    "ro": "romanian",
    "da": "danish",
    "hu": "hungarian",
    "ta": "tamil",
    "no": "norwegian",
    "th": "thai",
    "ur": "urdu",
    "hr": "croatian",
    "bg": "bulgarian",
    "lt": "lithuanian",
    "la": "latin",
    "mi": "maori",
    "ml": "malayalam",
    "cy": "welsh",
    "sk": "slovak",
    "te": "telugu",
    "fa": "persian",
    "lv": "latvian",
    "bn": "bengali",
    "sr": "serbian",
    "az": "azerbaijani",
    "sl": "slovenian",
    "kn": "kannada",
    "et": "estonian",
    "mk": "macedonian",
    "br": "breton",
    "eu": "basque",
    "is": "icelandic",
    "hy": "armenian",
    "ne": "nepali",
    "mn": "mongolian",
    "bs": "bosnian",
    "kk": "kazakh",
    "sq": "albanian",
    "sw": "swahili",
    "gl": "galician",
    "mr": "marathi",
    "pa": "punjabi",
    "si": "sinhala",
    "km": "khmer",
    "sn": "shona",
    "yo": "yoruba",
    "so": "somali",
    "af": "afrikaans",
    "oc": "occitan",
    "ka": "georgian",
    "be": "belarusian",
    "tg": "tajik",
    "sd": "sindhi",
    "gu": "gujarati",
    "am": "amharic",
    "yi": "yiddish",
    "lo": "lao",
    "uz": "uzbek",
    "fo": "faroese",
    "ht": "haitian creole",
    "ps": "pashto",
    "tk": "turkmen",
    "nn": "nynorsk",
    "mt": "maltese",
    "sa": "sanskrit",
    "lb": "luxembourgish",
    "my": "myanmar",
    "bo": "tibetan",
    "tl": "tagalog",
    "mg": "malagasy",
    "as": "assamese",
    "tt": "tatar",
    "haw": "hawaiian",
    "ln": "lingala",
    "ha": "hausa",
    "ba": "bashkir",
    "jw": "javanese",
    "su": "sundanese",
    "yue": "cantonese",
}
"""Code of the model's language token -> full English name, in the order of the model's tokens."""

_OTHER_NAMES = {
    "bangla": "bn",
    "burmese": "my",
    "castilian": "es",
    "farsi": "fa",
    "filipino": "tl",
    "flemish": "nl",
    "haitian": "ht",
    "letzeburgesch": "lb",
    "mandarin": "zh",
    "moldavian": "ro",
    "moldovan": "ro",
    "panjabi": "pa",
    "pushto": "ps",
    "sinhalese": "si",
    "valencian": "ca",
}

_OTHER_CODES = {
    # Whisper's own code differs, or the code was retired
    **{"fil": "tl", "in": "id", "iw": "he", "ji": "yi", "jv": "jw", "mo": "ro", "nb": "no"},
    # ISO 639-3 and 639-2, with both of its forms where there are two
    **{"afr": "af", "alb": "sq", "amh": "am", "ara": "ar", "arb": "ar", "arm": "hy", "asm": "as"},
    **{"aze": "az", "bak": "ba", "baq": "eu", "bel": "be", "ben": "bn", "bod": "bo", "bos": "bs"},
    **{"bre": "br", "bul": "bg", "bur": "my", "cat": "ca", "ces": "cs", "chi": "zh", "cmn": "zh"},
    **{"cym": "cy", "cze": "cs", "dan": "da", "deu": "de", "dut": "nl", "ell": "el", "eng": "en"},
    **{"est": "et", "eus": "eu", "fao": "fo", "fas": "fa", "fin": "fi", "fra": "fr", "fre": "fr"},
    **{"geo": "ka", "ger": "de", "glg": "gl", "gre": "el", "guj": "gu", "hat": "ht", "hau": "ha"},
    **{"heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu", "hye": "hy", "ice": "is", "ind": "id"},
    **{"isl": "is", "ita": "it", "jav": "jw", "jpn": "ja", "kan": "kn", "kat": "ka", "kaz": "kk"},
    **{"khm": "km", "kor": "ko", "lao": "lo", "lat": "la", "lav": "lv", "lin": "ln", "lit": "lt"},
    **{"ltz": "lb", "mac": "mk", "mal": "ml", "mao": "mi", "mar": "mr", "may": "ms", "mkd": "mk"},
    **{"mlg": "mg", "mlt": "mt", "mon": "mn", "mri": "mi", "msa": "ms", "mya": "my", "nep": "ne"},
    **{"nld": "nl", "nno": "nn", "nob": "no", "nor": "no", "oci": "oc", "pan": "pa", "per": "fa"},
    **{"pol": "pl", "por": "pt", "pus": "ps", "ron": "ro", "rum": "ro", "rus": "ru", "san": "sa"},
    **{"sin": "si", "slk": "sk", "slo": "sk", "slv": "sl", "sna": "sn", "snd": "sd", "som": "so"},
    **{"spa": "es", "sqi": "sq", "srp": "sr", "sun": "su", "swa": "sw", "swe": "sv", "tam": "ta"},
    **{"tat": "tt", "tel": "te", "tgk": "tg", "tgl": "tl", "tha": "th", "tib": "bo", "tuk": "tk"},
    **{"tur": "tr", "ukr": "uk", "urd": "ur", "uzb": "uz", "vie": "vi", "wel": "cy", "yid": "yi"},
    **{"yor": "yo", "zho": "zh"},
}

_BY_NAME = {name: code for code, name in NAMES.items()} | _OTHER_NAMES


def parse(text: str) -> str | None:
    """The code for what a user wrote: ``en``, ``English``, ``en-US``, ``eng``; None if unknown."""
    wanted = " ".join(text.lower().split())
    if wanted in _BY_NAME:
        return _BY_NAME[wanted]
    first, *rest = wanted.replace("_", "-").split("-")
    if first == "zh" and "yue" in rest:
        return "yue"
    return first if first in NAMES else _OTHER_CODES.get(first)


def check(setting: str | None) -> None:
    """Find fault with the language a server takes when a request names none.

    Raises:
        BadSetting: no language that Whisper knows.
    """
    if setting is not None and parse(setting) is None:
        raise BadSetting(
            f"language is {setting!r}, which Whisper does not know; leave it out to have the "
            f"language detected. Known are {', '.join(NAMES)}, and their names."
        )
