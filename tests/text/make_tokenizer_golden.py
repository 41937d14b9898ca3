"""Trains small tokenizers of every kind with the tokenizers package and writes what it makes of odd texts.

    build/bench-venv/bin/python tests/text/make_tokenizer_golden.py FOLDER

FOLDER holds rt-polarity.pos.xz and rt-polarity.neg.xz (Pang, Lee 2005). Made with tokenizers 0.23.3, in the environment of
bench/setup-peers with `pip install --no-deps tokenizers`. Writes
golden/NAME.json (the tokenizers) and golden/NAME.cases.json: for each text the numbers, types and places (in bytes of
UTF-8) of its tokens.
"""

import json
import lzma
import sys
from pathlib import Path

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

folder = Path(sys.argv[1])
out = Path(__file__).parent / "golden"
lines = []
for half in ("pos", "neg"):
    lines += lzma.open(folder / f"rt-polarity.{half}.xz").read().decode("latin-1").splitlines()[:2500]
lines += ["Ünïcödé – naïve café; 東京 is big, 日本 😀 1234 5678 Ärger ﬁlm"] * 3

texts = [
    "", " ", "\n", "a", "I", "The film is good.", "the  film   is\tgood .\n", " leading", "trailing ", "   ",
    "Don't they'll we've I'm he'd you're it's 'quoted' ''s", "don’t",
    "A moving, well-acted (if slow) drama: 10/10!!! #1 @ $5.99 -- e.g. U.S.A...",
    "UNBELIEVABLY unbelievable antidisestablishmentarianism xyzzyqwv", "x" * 99, "y" * 100, "z" * 101, "ab" * 300,
    "café cafe\u0301 naïve Ångström ÀÉÎÕÜ İstanbul ıI ß ẞ ﬁne ﬀ Ⅷ ½ x² ㎏", "e\u0301\u0323 a\u0323\u0301 \u0301start",
    "東京タワー is in 日本。カタカナ한국어 각 ᄀ\u1161\u11a8", "Ελληνικά ΣΊΣΥΦΟΣ кириллица עברית العربية हिन्दी ไทย",
    "😀 👩‍👩‍👧 🇩🇪 ❤️ good😀film", "a\u00a0b\u2003c\u200bd\u3000e\u0085f\u000bg", "zero\u0000width\ufeffbom\ufffdx\u00ad",
    "tabs\t\ttwo\r\nlines\n\n\nthree", "1 12 123 1234 12345 ٣٤ 一二 3.14 1,000", "a_b __init__ snake_case CamelCase",
    "[CLS] hi [MASK] there[MASK]x [SEP] <mask> <s> </s> film<mask>  good <pad>", "<|endoftext|> end", "▁under ▁ x▁y",
    "http://www.example.com/a?b=c&d=%20 me@site.org", "…—–‘’“”«»¿¡", "𝒜𝓁𝑔 𐍈 🜁", "\u2028line\u2029para", "good   \u00a0 bad",
    " ".join(["the film is very good and the actors are fine ,"] * 30),
]


def save(name, tokenizer):
    path = out / f"{name}.json"
    tokenizer.save(str(path), pretty=False)
    assert path.stat().st_size < 100_000, (name, path.stat().st_size)
    rows = []
    for text in texts:
        at = [0]
        for character in text:
            at.append(at[-1] + len(character.encode()))
        e = tokenizer.encode(text)
        rows.append({"text": text, "ids": e.ids, "types": e.type_ids, "mask": e.attention_mask,
                     "begin": [at[a] for a, b in e.offsets], "end": [at[b] for a, b in e.offsets]})
    (out / f"{name}.cases.json").write_text(json.dumps(rows, ensure_ascii=False, separators=(",", ":")) + "\n")


def train(tokenizer, trainer):
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    train(t, trainers.WordPieceTrainer(vocab_size=1500, special_tokens=special))
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", t.token_to_id("[CLS]")), ("[SEP]", t.token_to_id("[SEP]"))])
    return t


def byte_level():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train(t, trainers.BpeTrainer(vocab_size=1200, special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
                                 initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return t


save("wordpiece", wordpiece())
cased = wordpiece()
cased.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
cased.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
cased.enable_truncation(24)
cased.enable_padding(length=24, pad_id=0)
save("wordpiece_cased", cased)

save("byte_bpe", byte_level())
gpt2 = byte_level()
gpt2.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
gpt2.post_processor = processors.ByteLevel(trim_offsets=True)
gpt2.enable_truncation(40, direction="left")
gpt2.enable_padding(pad_to_multiple_of=8, direction="left", pad_id=1)
save("gpt2", gpt2)

clip = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", fuse_unk=False))
clip.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
clip.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
    pre_tokenizers.ByteLevel(add_prefix_space=False)])
train(clip, trainers.BpeTrainer(vocab_size=1200, end_of_word_suffix="</w>", special_tokens=["<|startoftext|>", "<|endoftext|>"],
                                initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
clip.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), add_prefix_space=False,
                                                   trim_offsets=False)
save("clip", clip)

llama = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
llama.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
train(llama, trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]))
llama.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
save("llama", llama)

llama3 = Tokenizer(models.BPE(ignore_merges=True))
llama3.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
                         "isolated"),
    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
train(llama3, trainers.BpeTrainer(vocab_size=1000, special_tokens=["<|endoftext|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
llama3.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False),
                                             processors.TemplateProcessing(single="<|endoftext|> $A",
                                                                           special_tokens=[("<|endoftext|>", 0)])])
save("llama3", llama3)

unigram = Tokenizer(models.Unigram())
unigram.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
unigram.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
train(unigram, trainers.UnigramTrainer(vocab_size=1000, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"))
unigram.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
save("unigram", unigram)

words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
words.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(),
                                         normalizers.Strip()])
words.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)])
train(words, trainers.WordLevelTrainer(vocab_size=1500, special_tokens=["[UNK]", "[PAD]"]))
words.add_tokens([AddedToken("well", single_word=True), AddedToken("Drama", normalized=True)])
save("word_level", words)

splits = Tokenizer(models.WordLevel({"[UNK]": 0, "the": 1, "film": 2, "-": 3, ".": 4}, unk_token="[UNK]"))
for name, cut in {
    "previous": pre_tokenizers.Split("-", "merged_with_previous"), "next": pre_tokenizers.Split(Regex(r"\w-"), "merged_with_next"),
    "contiguous": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"),
                                           pre_tokenizers.Digits()]),
    "metaspace": pre_tokenizers.Metaspace(prepend_scheme="always"), "delimiter": pre_tokenizers.CharDelimiterSplit("e"),
}.items():
    splits.pre_tokenizer = cut
    save(f"split_{name}", splits)
