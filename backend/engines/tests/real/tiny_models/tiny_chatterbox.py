"""Make models with random weights in Chatterbox's own format, to test what loads and uses them: they only make noise.

    python tiny_chatterbox.py FOLDER

writes FOLDER/default (English) and FOLDER/multilingual. The sizes are written into the library, so these are not small:
797 million weights each, kept at 8 bits on disk (0.8 GB a model) and 32 in memory (3.2 GB). What is made up is when
they stop: a trained model says when its text is spoken, these after TOKENS speech tokens.
"""

import io
import json
import string
import sys
import zipfile
from pathlib import Path

import numpy as np
import srsly
import torch
from chatterbox.models.s3gen import S3Gen
from chatterbox.models.t3 import T3
from chatterbox.models.t3.modules.t3_config import T3Config
from chatterbox.models.voice_encoder import VoiceEncoder
from chatterbox.mtl_tts import SUPPORTED_LANGUAGES
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE

TOKENS = 5  # of speech, at 25 a second
STRENGTH = 30.0  # of the two channels that decide, against about 1 of all others
SPECIAL = ("[STOP]", "[START]", "[UNK]", "[SPACE]", "[PAD]", "[SEP]", "[CLS]", "[MASK]")
CANGJIE = ("你\tonf", "好\tvnd", "一\tm", "人\to")  # character, tab, code: four of some 27,000


def speech_model(config: T3Config) -> T3:
    """Return a T3 that draws any speech token TOKENS times, then the stop token.

    Channel 0 of the transformer holds the position in the speech (negative: not yet), channel 1 a constant. No layer
    writes to them, so the last one reads what the position embedding put there.
    """
    model = T3(config)
    stop, first_special = config.stop_speech_token, config.start_speech_token
    with torch.no_grad():
        for layer in model.tfmr.layers:
            layer.self_attn.o_proj.weight[:2] = 0
            layer.mlp.down_proj.weight[:2] = 0
        model.speech_emb.weight[:, :2] = 0
        model.speech_pos_emb.emb.weight[:, 0] = STRENGTH
        model.speech_pos_emb.emb.weight[:TOKENS, 0] = -STRENGTH
        model.speech_pos_emb.emb.weight[:, 1] = STRENGTH
        model.speech_head.weight[:, :2] = 0
        model.speech_head.weight[first_special:, 1] = -4
        model.speech_head.weight[stop, 0] = 4
        model.speech_head.weight[stop, 1] = 0
    return model


def tokenizer(languages: "tuple[str, ...]" = ()) -> Tokenizer:
    """Return a tokenizer of single characters with the special tokens that the library asks for."""
    special = [*SPECIAL, *(f"[{code}]" for code in languages), *(f"[cj_{letter}]" for letter in string.ascii_lowercase)]
    special += ["[cj_.]"]
    names = [*special, *string.ascii_letters, *string.digits, *".,!?'\"-"]
    made = Tokenizer(BPE({name: index for index, name in enumerate(names)}, [], unk_token="[UNK]"))
    made.add_special_tokens(special)
    return made


def compact(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights of `module` as they are kept: 8-bit floats, widened again when the library copies them."""
    return {
        name: tensor.to(torch.float8_e4m3fn).contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in module.state_dict().items()
    }


def make_english(folder: Path, s3gen: dict[str, torch.Tensor], encoder: dict[str, torch.Tensor]) -> None:
    """Write the files of ChatterboxTTS."""
    folder.mkdir(parents=True)
    save_file(encoder, folder / "ve.safetensors")
    save_file(s3gen, folder / "s3gen.safetensors")
    save_file(compact(speech_model(T3Config.english_only())), folder / "t3_cfg.safetensors")
    tokenizer().save(str(folder / "tokenizer.json"))


def make_multilingual(folder: Path, s3gen: dict[str, torch.Tensor], encoder: dict[str, torch.Tensor]) -> None:
    """Write the files of ChatterboxMultilingualTTS."""
    folder.mkdir(parents=True)
    torch.save(encoder, folder / "ve.pt")
    torch.save(s3gen, folder / "s3gen.pt")
    save_file(compact(speech_model(T3Config.multilingual())), folder / "t3_mtl23ls_v2.safetensors")
    tokenizer(tuple(SUPPORTED_LANGUAGES)).save(str(folder / "grapheme_mtl_merged_expanded_v1.json"))
    (folder / "Cangjie5_TC.json").write_text(json.dumps(CANGJIE, ensure_ascii=False), encoding="utf-8")
    write_segmenter(folder / "spacy_ontonotes.zip")


def write_segmenter(path: Path) -> None:
    """Write a model of spacy-pkuseg that knows no words: each character is one."""
    tags = {"B": 0}  # begins a word
    features = {"unigram": [], "bigram": [], "feature_to_idx": {"bias": 0}, "tag_to_idx": tags}
    weights = io.BytesIO()
    np.savez(weights, sizes=np.array([len(tags), 1]), w=np.zeros(len(tags) * (1 + len(tags))))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("features.msgpack", srsly.msgpack_dumps(features))
        archive.writestr("weights.npz", weights.getvalue())


def main() -> None:
    """Make both models in the folder that the command line names."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    s3gen, encoder = compact(S3Gen()), compact(VoiceEncoder())
    make_english(folder / "default", s3gen, encoder)
    make_multilingual(folder / "multilingual", s3gen, encoder)


if __name__ == "__main__":
    main()
