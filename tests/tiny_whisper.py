"""A Whisper of random weights in CTranslate2 format: small enough to make in a test, real enough for the library."""

from pathlib import Path

import numpy as np
from ctranslate2.specs import whisper_spec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

DIM, LAYERS, HEADS, FEED_FORWARD, MELS = 16, 1, 2, 32, 80
SPECIAL = (
    "endoftext",
    "startoftranscript",
    "translate",
    "transcribe",
    "startoflm",
    "startofprev",
    "nospeech",
    "notimestamps",
)


def tokenizer() -> Tokenizer:
    """One token a byte, then Whisper's own tokens in their order, without those for times."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(f"<|{name}|>", special=True, normalized=False) for name in SPECIAL])
    return made


def make(folder: Path, seed: int = 0) -> None:
    """Writes model.bin, config.json, vocabulary.json and tokenizer.json: 0.2 MB."""
    rng = np.random.default_rng(seed)

    def weights(*shape):
        return (rng.standard_normal(shape) * 0.3).astype(np.float32)

    def linear(layer, rows, columns):
        layer.weight, layer.bias = weights(rows, columns), np.zeros(rows, np.float32)

    def norm(layer):
        layer.gamma, layer.beta = np.ones(DIM, np.float32), np.zeros(DIM, np.float32)

    def attention(layer, *rows):
        for part, count in zip(layer.linear, rows, strict=True):
            linear(part, count, DIM)
        norm(layer.layer_norm)

    def feed_forward(layer):
        linear(layer.linear_0, FEED_FORWARD, DIM)
        linear(layer.linear_1, DIM, FEED_FORWARD)
        norm(layer.layer_norm)

    tokens = tokenizer()
    names = [name for name, _ in sorted(tokens.get_vocab(with_added_tokens=True).items(), key=lambda item: item[1])]
    spec = whisper_spec.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    encoder, decoder = spec.encoder, spec.decoder
    for conv, channels in ((encoder.conv1, MELS), (encoder.conv2, DIM)):
        conv.weight, conv.bias = weights(DIM, channels, 3), np.zeros(DIM, np.float32)
    encoder.position_encodings.encodings = weights(1500, DIM)
    decoder.position_encodings.encodings = weights(448, DIM)
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in encoder.layer:
        attention(layer.self_attention, 3 * DIM, DIM)
        feed_forward(layer.ffn)
    for layer in decoder.layer:
        attention(layer.self_attention, 3 * DIM, DIM)
        attention(layer.attention, DIM, 2 * DIM, DIM)
        feed_forward(layer.ffn)
    decoder.embeddings.weight = weights(len(names), DIM)
    decoder.embeddings.weight[-len(SPECIAL) :] = 0  # so that it says letters
    decoder.projection.weight = decoder.embeddings.weight
    spec.register_vocabulary(names)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [tokens.token_to_id("<|endoftext|>")]
    spec.validate()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    tokens.save(str(folder / "tokenizer.json"))
