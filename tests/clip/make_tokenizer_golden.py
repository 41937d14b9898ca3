"""Writes what the tokenizers package makes of odd texts with CLIP's own merges.

    build/bench-venv/bin/python tests/clip/make_tokenizer_golden.py FOLDER

FOLDER holds bpe_simple_vocab_16e6.txt.gz as OpenAI publishes it. Made with tokenizers 0.23.3. Writes golden/tokens.json: for each text
its numbers, the special ones included, cut to 77; and golden/small: the first 300 of those merges as vocab.json and merges.txt, with what
they make of the same texts.
"""

import gzip
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

OUT = Path(__file__).parent / "golden"
START, END = "<|startoftext|>", "<|endoftext|>"
TEXTS = [
    "", " ", "a", "a photo of a cat", "A Photo of a DOG!", "  two   blanks\tand\na line ", "don't they'll we've I'm he'd you're it's",
    "naïve café déjà-vu Ångström", "cafe\u0301 e\u0301\u0323", "東京タワー is in 日本", "한국어 텍스트", "Ελληνικά ΣΊΣΥΦΟΣ", "кириллица עברית العربية हिन्दी ไทย",
    "😀 👩‍👩‍👧 🇩🇪 ❤️ good😀film", "1 12 123 3.14 1,000 ٣٤ ½ x² Ⅷ", "#1 @ $5.99 -- e.g. U.S.A... (10/10!!!)", "snake_case CamelCase __init__",
    "http://www.example.com/a?b=c&d=%20", "“quotes” ‘single’ … — –", "zero\u200bwidth\ufeff\u00a0nbsp\u2003em", "İstanbul ıI ß ẞ ﬁne ﬀ",
    "<|startoftext|> in the middle <|endoftext|> end", "x" * 300, "very long " * 100, "&amp; &lt;b&gt;", "𝒜𝓁𝑔 𐍈", "\u2028line\u2029para", "tab\u0085next",
    "a dog, a cat and a truck", "supercalifragilisticexpialidocious antidisestablishmentarianism",
]


def letters():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in plain] + [chr(256 + at) for at in range(256 - len(plain))]


def tokenizer(merges):
    tokens = letters() + [letter + "</w>" for letter in letters()] + ["".join(merge) for merge in merges] + [START, END]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix=""))
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.post_processor = processors.RobertaProcessing((END, vocabulary[END]), (START, vocabulary[START]), trim_offsets=False, add_prefix_space=False)
    made.add_special_tokens([START, END])
    made.enable_truncation(77)
    return made, vocabulary


def ids(made):
    rows = [json.dumps({"text": text, "ids": made.encode(text).ids}, ensure_ascii=False, separators=(",", ":")) for text in TEXTS]
    return "[" + ",\n".join(rows) + "]\n"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


published = gzip.open(Path(sys.argv[1]) / "bpe_simple_vocab_16e6.txt.gz").read().decode().split("\n")
merges = [tuple(line.split()) for line in published[1 : 49152 - 256 - 2 + 1]]
write(OUT / "tokens.json", ids(tokenizer(merges)[0]))
small, vocabulary = tokenizer(merges[:300])
write(OUT / "small/vocab.json", json.dumps(vocabulary, ensure_ascii=False) + "\n")
write(OUT / "small/merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges[:300]))
write(OUT / "small_tokens.json", ids(small))
