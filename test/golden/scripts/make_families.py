"""One golden case for each further model family, by transformers: small enough to be committed.

usage: python make_families.py <folder with images/ and models/tiny> [family ...]

Writes <folder>/models/<family>/ and <folder>/models/<family>.mixed.json, .safetensors: a batch of a row of text, a row of one picture and a row
of two. Needs num2words besides torch and transformers (SmolVLM's processor imports it). Rows of tiled pictures are written patch by patch, tile
by tile, [channel, row, column]; positions of families with one position a token stand three times.
"""
import json
import sys

import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig, PreTrainedTokenizerFast
from transformers import Idefics3Config, Idefics3Processor, Qwen2VLConfig, Qwen2VLProcessor, Qwen3VLConfig, Qwen3VLProcessor, SmolVLMConfig, SmolVLMProcessor
from transformers.models.idefics3.image_processing_idefics3 import Idefics3ImageProcessor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
from transformers.models.smolvlm.image_processing_smolvlm import SmolVLMImageProcessor
from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

torch.set_num_threads(1)

TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}"
            "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}"
            "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
TILED_TEMPLATE = ("<|im_start|>{% for m in messages %}{{ m.role | capitalize }}:{% for part in m.content %}{% if part.type == 'image' %}<image>"
                  "{% else %} {{ part.text }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}")
TILED_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"] + [
    f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]

picture = lambda name: {"type": "image", "image": name}
text = lambda words: {"type": "text", "text": words}
ROWS = [
    [text("Count to 3.")],
    [picture("img6_gray_90x61.png"), text("What shape?")],
    [text("Which is larger, "), picture("img2_56x56.png"), text(" or "), picture("img0_100x75.png"), text("?")],
]
LENGTHS = [6, 9, 4]


def tiled_tokenizer(tiny):
    with open(f"{tiny}/tokenizer.json") as file:
        raw = json.load(file)
    raw["added_tokens"] = []
    tokenizer = Tokenizer.from_str(json.dumps(raw))
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in TILED_TOKENS])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<end_of_utterance>", pad_token="<|im_end|>",
                                   unk_token="<|endoftext|>", padding_side="left",
                                   extra_special_tokens={"image_token": "<image>", "fake_image_token": "<fake_token_around_image>"})


def qwen(kind, tiny):
    tokenizer = AutoProcessor.from_pretrained(tiny).tokenizer
    token = tokenizer.convert_tokens_to_ids
    ids = dict(image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"), vision_start_token_id=token("<|vision_start|>"),
               vision_end_token_id=token("<|vision_end|>"))
    common = dict(hidden_size=48, num_hidden_layers=2 if kind == "qwen2_vl" else 3, num_attention_heads=6, num_key_value_heads=2, intermediate_size=80, vocab_size=512,
                  bos_token_id=token("<|endoftext|>"), eos_token_id=token("<|im_end|>"), pad_token_id=token("<|endoftext|>"))
    if kind == "qwen2_vl":
        config = Qwen2VLConfig(
            text_config=dict(**common, rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}),
            vision_config=dict(depth=2, embed_dim=32, hidden_size=48, num_heads=2, mlp_ratio=2), tie_word_embeddings=False, **ids)
        images = Qwen2VLImageProcessor(min_pixels=3136, max_pixels=7840)
        return config, tokenizer, Qwen2VLProcessor(image_processor=images, tokenizer=tokenizer, video_processor=Qwen2VLVideoProcessor(), chat_template=TEMPLATE)
    config = Qwen3VLConfig(
        text_config=dict(**common, head_dim=12, rope_parameters={"rope_type": "default", "rope_theta": 5e6, "mrope_section": [2, 2, 2], "mrope_interleaved": True}),
        vision_config=dict(depth=3, hidden_size=32, num_heads=2, intermediate_size=48, out_hidden_size=48, num_position_embeddings=25,
                           deepstack_visual_indexes=[0, 1]), tie_word_embeddings=True, **ids)
    images = Qwen2VLImageProcessor(patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3, size={"shortest_edge": 4096, "longest_edge": 9216})
    return config, tokenizer, Qwen3VLProcessor(image_processor=images, tokenizer=tokenizer, video_processor=Qwen3VLVideoProcessor(), chat_template=TEMPLATE)


def tiled(kind, tiny):
    tokenizer = tiled_tokenizer(tiny)
    token = tokenizer.convert_tokens_to_ids
    size, scale = (24, 3) if kind == "smolvlm" else (32, 2)
    config = (SmolVLMConfig if kind == "smolvlm" else Idefics3Config)(
        text_config=dict(model_type="llama", hidden_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=80,
                         vocab_size=544, bos_token_id=token("<|im_start|>"), eos_token_id=token("<end_of_utterance>"), pad_token_id=token("<|im_end|>"),
                         rope_parameters={"rope_type": "default", "rope_theta": 1e5}),
        vision_config=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=size, patch_size=8),
        scale_factor=scale, image_token_id=token("<image>"), tie_word_embeddings=kind == "smolvlm")
    options = dict(size={"longest_edge": 2 * size}, max_image_size={"longest_edge": size})
    length = (size // 8 // scale) ** 2
    if kind == "smolvlm":
        processor = SmolVLMProcessor(image_processor=SmolVLMImageProcessor(**options), tokenizer=tokenizer, video_processor=SmolVLMVideoProcessor(),
                                     image_seq_len=length, chat_template=TILED_TEMPLATE)
    else:
        processor = Idefics3Processor(image_processor=Idefics3ImageProcessor(**options), tokenizer=tokenizer, image_seq_len=length, chat_template=TILED_TEMPLATE)
    return config, tokenizer, processor


FAMILIES = {"qwen2_vl": qwen, "qwen3_vl": qwen, "smolvlm": tiled, "idefics3": tiled}


def build(kind, folder, tiny):
    config, tokenizer, processor = FAMILIES[kind](kind, tiny)
    model = AutoModelForImageTextToText.from_config(config).float()
    generator = torch.Generator().manual_seed(sum(map(ord, kind)))
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            noise = 0.1 * torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + noise if ("norm" in key or "ln_q" in key) and key.endswith("weight") else noise)
    model.generation_config = GenerationConfig(bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=False,
                                               eos_token_id=[tokenizer.eos_token_id, tokenizer.pad_token_id])
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def rows_of(kind, model, encoded, counts):
    """Pixel rows and a grid for each picture, in the order of the pictures."""
    pixels = encoded["pixel_values"]
    if "image_grid_thw" in encoded:
        return pixels, encoded["image_grid_thw"].tolist()
    patch = model.config.vision_config.patch_size
    # All-zero tiles fill rows of fewer pictures up; no 8-bit picture normalises to one.
    tiles = torch.cat([row[(row != 0).flatten(1).any(1)] for row in pixels])
    side = tiles.shape[-1] // patch
    rows = tiles.reshape(-1, 3, side, patch, side, patch).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * patch * patch)
    assert sum(counts) == len(tiles)
    return rows, [[count, side, side] for count in counts]


def tiles_of(processor, images):
    """Tiles of each picture alone."""
    return [processor.image_processor([[image]], return_tensors="pt")["pixel_values"].shape[1] for image in images]


def make_case(kind, folder, images):
    is_qwen = kind.startswith("qwen")
    processor = AutoProcessor.from_pretrained(folder)
    tokenizer = processor.tokenizer
    prompts = [processor.apply_chat_template([{"role": "user", "content": row}], tokenize=False, add_generation_prompt=True) for row in ROWS]
    nested = [[Image.open(f"{images}/{part['image']}") for part in row if part["type"] == "image"] for row in ROWS]
    flat = [image for row in nested for image in row]
    encoded = dict(processor(text=prompts, images=flat if is_qwen else nested, padding=True, padding_side="left", return_tensors="pt",
                             **({"return_mm_token_type_ids": True} if is_qwen else {})))
    generator = torch.Generator().manual_seed(7)
    ordinary = torch.tensor([i for i in range(len(tokenizer)) if i not in set(tokenizer.all_special_ids)])
    completion = torch.full((len(ROWS), max(LENGTHS)), tokenizer.pad_token_id)
    mask = torch.zeros_like(completion)
    for row, length in enumerate(LENGTHS):
        completion[row, :length] = ordinary[torch.randint(len(ordinary), (length,), generator=generator)]
        completion[row, length - 1] = tokenizer.eos_token_id
        mask[row, :length] = 1
    start = encoded["input_ids"].shape[1]
    ids = torch.cat([encoded["input_ids"], completion], 1)
    attention = torch.cat([encoded["attention_mask"], mask], 1)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    visual = {key: encoded[key] for key in ("pixel_values", "image_grid_thw", "pixel_attention_mask") if key in encoded}
    if is_qwen:
        kinds = torch.cat([encoded["mm_token_type_ids"], torch.zeros_like(completion)], 1)
        positions, _ = model.model.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=encoded["image_grid_thw"], attention_mask=attention)
        fed = positions
    else:
        fed = (attention.cumsum(-1) - 1).clamp(min=0)
        positions = fed[None].expand(3, -1, -1)
    rows, grid = rows_of(kind, model, encoded, [] if is_qwen else tiles_of(processor, flat))
    tensors = {"input_ids": ids.int(), "attention_mask": attention.int(), "position_ids": positions.int(), "completion_ids": completion.int(),
               "completion_mask": mask.int()}
    info = {"texts": prompts, "messages": ROWS, "B": len(ROWS), "prompt_len": start, "completion_len": max(LENGTHS), "grid_thw": grid}
    for name, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        model = model.to(dtype)
        cast = {key: value.to(dtype) if value.is_floating_point() else value for key, value in visual.items()}
        with torch.no_grad():
            features = model.get_image_features(**cast, return_dict=True)
        model.zero_grad()
        logits = model(input_ids=ids, attention_mask=attention, position_ids=fed, use_cache=False, **cast).logits[:, start - 1:-1]
        every = logits.log_softmax(-1)
        log_probs = every.gather(-1, completion[..., None]).squeeze(-1) * mask
        loss = -log_probs.sum() / mask.sum()
        loss.backward()
        if name == "f32":
            pooled = features.pooler_output
            tensors["vision_embeds.f32"] = torch.cat([part.reshape(-1, part.shape[-1]) for part in pooled])
            for k, deep in enumerate(getattr(features, "deepstack_features", None) or []):
                tensors[f"deepstack.{k}.f32"] = torch.cat(list(deep)) if isinstance(deep, (list, tuple)) else deep
        tensors[f"logps.{name}"] = log_probs.detach()
        tensors[f"entropy.{name}"] = (-(every.exp() * every).sum(-1) * mask).detach()
        gradients = {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
        info[f"loss_{name}"] = loss.item()
        total = sum(g.double().square().sum() for g in gradients.values()).sqrt().item()
        norms = {key: g.double().norm().item() for key, g in gradients.items()}
        # A bias of keys has no gradient but rounding: softmax does not see what all of a row's scores have in common.
        info["grad_noise"] = sorted(set(info.get("grad_noise", [])) | {key for key, norm in norms.items() if norm < 1e-6 * total})
        info[f"grad_norms_{name}"] = norms
        if name == "f32":
            for key in [key for key, p in model.named_parameters() if p.ndim == 1 and key not in info["grad_noise"]][::5]:
                tensors[f"grad.{key}.f32"] = gradients[key].detach()
    for name in ("f32", "f64"):
        info[f"grad_norms_{name}"] = {key: norm for key, norm in info[f"grad_norms_{name}"].items() if key not in info["grad_noise"]}
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        out = model.generate(**encoded, max_new_tokens=10, do_sample=False, eos_token_id=None, pad_token_id=tokenizer.pad_token_id,
                             output_logits=True, return_dict_in_generate=True)
    scores, greedy = torch.stack(out.logits, 1), out.sequences[:, start:]
    top = scores.topk(2, -1).values
    tensors["greedy_ids"], tensors["greedy_margin"] = greedy.int(), top[..., 0] - top[..., 1]
    info["greedy_logps"] = scores.log_softmax(-1).gather(-1, greedy[..., None]).squeeze(-1).tolist()
    save_file({key: value.contiguous() for key, value in tensors.items()}, f"{folder}.mixed.safetensors")
    with open(f"{folder}.mixed.json", "w") as file:
        json.dump(info, file, ensure_ascii=False)
    print(kind, sum(p.numel() for p in model.parameters()), "parameters, prompts of", start, "tokens, loss", round(info["loss_f64"], 4))


if __name__ == "__main__":
    root, *chosen = sys.argv[1:]
    for kind in chosen or FAMILIES:
        build(kind, f"{root}/models/{kind}", f"{root}/models/tiny")
        make_case(kind, f"{root}/models/{kind}", f"{root}/images")
