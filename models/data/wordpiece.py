"""Text to tokens as BERT reads it: words are cut into the longest pieces that a fixed list of 30,522 knows.

"Embeddings" becomes "em", "##bed", "##ding", "##s": "##" marks a piece that goes on the piece before it. Letters lose
case and accents first, so Vietnamese "đẹp" and English "dep" share pieces: an uncased English model sees no tones.

Every character of the cleaned text remembers where it stood in the visitor's text, so that a token can be lit there.

Source: WordPiece: Schuster and Nakajima 2012; as used by BERT: Devlin et al. 2019, arXiv 1810.04805, and its
published `tokenization.py`. Lower-casing goes character by character, as in the fast tokenizers of Hugging Face, so
a final sigma stays σ. True for uncased vocabularies only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MOST_LETTERS = 100
"""A longer word is [UNK] as a whole: the published limit."""
# Blocks of CJK ideographs, which BERT reads one by one; kana and Hangul are written in words or runs.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip

Letter = tuple[str, int]
"""A cleaned character and the place in the text that it came from."""


@dataclass(frozen=True)
class Token:
    """A piece of the vocabulary and the span text[start:end] that it stands for; special tokens span nothing."""

    id: int
    text: str
    start: int
    end: int


class WordPiece:
    """The tokenizer of one vocabulary, a token per line of `vocab.txt` and its number the line's."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        self.ids: Mapping[str, int] = {token: number for number, token in enumerate(self.vocabulary)}
        missing = [token for token in SPECIAL if token not in self.ids]
        if missing:
            raise ValueError(f"The vocabulary lacks {', '.join(missing)}")

    @classmethod
    def load(cls, path: Path) -> WordPiece:
        return cls(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"))

    def __call__(self, text: str, most: int = 512) -> tuple[list[Token], int]:
        """[CLS], at most `most` - 2 pieces of `text`, [SEP]; and how many pieces were left out."""
        pieces = [token for word in words(text) for token in self.pieces(word)]
        kept = pieces[: most - 2]
        end = kept[-1].end if kept else 0
        return [self.special("[CLS]", 0), *kept, self.special("[SEP]", end)], len(pieces) - len(kept)

    def special(self, text: str, place: int) -> Token:
        return Token(self.ids[text], text, place, place)

    def pieces(self, word: list[Letter]) -> Iterator[Token]:
        """The longest known piece from the left, and again from there; [UNK] where some rest is not known at all."""
        spelled = "".join(letter for letter, _place in word)
        span = word[0][1], word[-1][1] + 1
        if spelled in SPECIAL:
            yield Token(self.ids[spelled], spelled, span[0], span[0] + len(spelled))
            return
        found: list[Token] = []
        start = 0
        while start < len(spelled):
            end = self.longest(spelled, start) if len(spelled) <= MOST_LETTERS else start
            if end == start:
                yield Token(self.ids["[UNK]"], "[UNK]", *span)
                return
            text = ("##" if start else "") + spelled[start:end]
            found.append(Token(self.ids[text], text, word[start][1], word[end - 1][1] + 1))
            start = end
        yield from found

    def longest(self, word: str, start: int) -> int:
        """Where the longest known piece of `word` from `start` on ends; `start` itself where none is known."""
        mark = "##" if start else ""
        return next((end for end in range(len(word), start, -1) if mark + word[start:end] in self.ids), start)


def words(text: str) -> Iterator[list[Letter]]:
    """The words of `text`, punctuation and ideographs each alone; special tokens written out count as themselves."""
    for part in re.finditer("|".join(map(re.escape, SPECIAL)) + r"|(?:(?!\[(?:PAD|UNK|CLS|SEP|MASK)\]).)+", text, re.S):
        if part.group() in SPECIAL:
            yield [(part.group(), part.start())]
        else:
            yield from _split(_cleaned(part.group(), part.start()))


def _cleaned(text: str, start: int) -> Iterator[Letter]:
    """Lower-case letters without accents, one space for each kind of blank, nothing for control characters."""
    for place, character in enumerate(text, start):
        if character.isspace() and not ("\x1c" <= character <= "\x1f" or character in "\x0b\x0c\x85"):
            yield " ", place
        elif character == "\ufffd" or unicodedata.category(character).startswith("C"):
            continue
        elif _ideograph(character):
            yield from ((" ", place), (character, place), (" ", place))
        else:
            for letter in unicodedata.normalize("NFD", character):
                if unicodedata.category(letter) != "Mn":
                    yield from ((lower, place) for lower in letter.lower())


def _split(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    word: list[Letter] = []
    for letter, place in letters:
        alone = _punctuation(letter)
        if word and (alone or letter == " "):
            yield word
            word = []
        if alone:
            yield [(letter, place)]
        elif letter != " ":
            word.append((letter, place))
    if word:
        yield word


def _ideograph(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in IDEOGRAPHS)


def _punctuation(character: str) -> bool:
    """Also the ASCII symbols that Unicode does not call punctuation: $, +, ~ and their kin."""
    return (character.isascii() and character.isprintable() and not character.isalnum() and character != " ") or (
        unicodedata.category(character).startswith("P")
    )
