"""Golden values of further Qwen2.5-VL models with random weights, by transformers, in fp32 and in fp64.

usage: python make_models.py <tiny model folder> <output folder> [name ...]

Writes <output>/images/*.png, <output>/models/<name>/ and <output>/models/<name>.<case>.json, .safetensors: a folder that GOLDEN_DIR may
name. The models differ from `tiny` in what a reader of one model may have taken for granted:

small   two layers, untied head, bf16 in shards, one window layer between full ones; small enough to be committed
untied  three layers, 6 heads on 3, uneven rotary sections, vision depth 3, windows of 112 pixels, untied head, bf16 in shards, another
        rotary base and epsilon, config.json flat as the hub has it
deep    4 heads on 1, head size 40, its own tokenizer (other ids, vocabulary padded), fp16; one left-padded batch of five pictures of
        five sizes, a row of two pictures and a row of text

References of 16-bit folders are those of the weights on disk, widened.
"""
import json
import os
import sys

import numpy as np
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, pre_tokenizers, trainers
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig, PreTrainedTokenizerFast, Qwen2_5_VLConfig
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as modeling

torch.set_num_threads(1)

MODELS = {
    "small": dict(hidden=48, layers=2, heads=6, kv=2, inter=80, vision=dict(depth=3, hidden=32, heads=2, inter=48, window=56, full=[0, 2]),
                  mrope=[1, 1, 2], theta=1000000.0, eps=1e-6, tied=False, dtype=torch.bfloat16, shard="150KB"),
    "untied": dict(hidden=96, layers=3, heads=6, kv=3, inter=200, vision=dict(depth=3, hidden=48, heads=3, inter=120, window=112, full=[2]),
                   mrope=[2, 3, 3], theta=50000.0, eps=1e-5, tied=False, dtype=torch.bfloat16, shard="300KB", flat=True),
    "deep": dict(hidden=160, layers=6, heads=4, kv=1, inter=320, vision=dict(depth=5, hidden=80, heads=4, inter=160, window=84, full=[0, 3]),
                 mrope=[4, 8, 8], theta=1000000.0, eps=1e-6, tied=True, dtype=torch.float16, shard="5GB", tokenizer=True),
}

SIZES = {"wide.png": (180, 70), "tall.png": (60, 150), "square.png": (84, 84), "little.png": (31, 45), "large.png": (240, 200)}
picture = lambda name: {"type": "image", "image": name}
text = lambda words: {"type": "text", "text": words}
CASES = {
    "small": {"two_rows": ([[picture("img6_gray_90x61.png"), text("What shape? Answer shortly.")], [text("Count to 3.")]], [7, 4])},
    "untied": {
        "one": ([[picture("large.png"), text("Describe the chart and its axis.")]], [12]),
        "between": ([[text("Before "), picture("tall.png"), text(" and after "), picture("wide.png"), text("?")], [picture("little.png"), text("Red?")]], [5, 9]),
    },
    "deep": {"mixed": (
        [[picture(name), text(f"Picture {i}: what is left of it?" + " Look again." * i)] for i, name in enumerate(SIZES)]
        + [[picture("square.png"), text("against"), picture("tall.png"), text("which is larger?")], [text("No picture here: 12 * 12 = ?")]],
        [6, 11, 1, 8, 14, 3, 10])},
}


def draw(size, seed):
    """Gradients, noise, shapes: nothing that a resize leaves unchanged."""
    width, height = size
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin((x + 2 * y) / 7)], -1) + random.normal(0, 10, (height, width, 3))
    image = Image.fromarray(base.clip(0, 255).astype(np.uint8), "RGB")
    pen = ImageDraw.Draw(image)
    for _ in range(3):
        left, top = int(random.integers(0, width // 2)), int(random.integers(0, height // 2))
        pen.ellipse([left, top, left + width // 3, top + height // 3], fill=tuple(int(c) for c in random.integers(0, 256, 3)))
    return image


def other_tokenizer(like):
    """A tokenizer of the same kind with other merges, other ids, and special tokens that are not the last of the vocabulary."""
    tokenizer = Tokenizer.from_str(like.backend_tokenizer.to_str())
    words = "picture larger left right again answer number chart axis shape shortly describe which against look before after".split()
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    special = [t.content for t in like.added_tokens_decoder.values() if t.special]
    fresh = Tokenizer(type(tokenizer.model)(byte_fallback=False))
    for part in ("normalizer", "pre_tokenizer", "decoder", "post_processor"):
        setattr(fresh, part, getattr(tokenizer, part))
    fresh.train_from_iterator([f"{a} {b}" for a in words for b in words], trainer)
    fresh.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in reversed(special)])
    fresh.add_tokens([AddedToken("<answer>", normalized=False, special=False)])
    return PreTrainedTokenizerFast(tokenizer_object=fresh, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left",
                                   additional_special_tokens=[t for t in special if t not in ("<|im_end|>", "<|endoftext|>")])


def build(name, folder, tiny):
    spec, vision = MODELS[name], MODELS[name]["vision"]
    processor = AutoProcessor.from_pretrained(tiny)
    tokenizer = other_tokenizer(processor.tokenizer) if spec.get("tokenizer") else processor.tokenizer
    if spec.get("tokenizer"):
        processor = Qwen2_5_VLProcessor(image_processor=processor.image_processor, tokenizer=tokenizer, video_processor=processor.video_processor,
                                        chat_template=processor.chat_template)
    token = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config=dict(hidden_size=spec["hidden"], num_hidden_layers=spec["layers"], num_attention_heads=spec["heads"],
                         num_key_value_heads=spec["kv"], intermediate_size=spec["inter"], vocab_size=-(-len(tokenizer) // 64) * 64,
                         rms_norm_eps=spec["eps"], max_position_embeddings=4096, use_sliding_window=False, max_window_layers=spec["layers"],
                         bos_token_id=token("<|endoftext|>"), eos_token_id=token("<|im_end|>"), pad_token_id=token("<|endoftext|>"),
                         rope_parameters={"rope_type": "default", "rope_theta": spec["theta"], "mrope_section": spec["mrope"]},
                         tie_word_embeddings=spec["tied"]),
        vision_config=dict(depth=vision["depth"], hidden_size=vision["hidden"], num_heads=vision["heads"], intermediate_size=vision["inter"],
                           out_hidden_size=spec["hidden"], patch_size=14, spatial_merge_size=2, temporal_patch_size=2, in_channels=3,
                           window_size=vision["window"], fullatt_block_indexes=vision["full"], tokens_per_second=2),
        image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"), vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"), tie_word_embeddings=spec["tied"])
    model = Qwen2_5_VLForConditionalGeneration(config).float()
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            noise = 0.1 * torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + noise if "norm" in key or "ln_q" in key else noise)
    model.generation_config = GenerationConfig(bos_token_id=token("<|endoftext|>"), pad_token_id=token("<|endoftext|>"), do_sample=False,
                                               eos_token_id=[token("<|im_end|>"), token("<|endoftext|>")])
    model.to(spec["dtype"]).save_pretrained(folder, max_shard_size=spec["shard"])
    processor.save_pretrained(folder)
    if spec.get("flat"):
        flatten_config(f"{folder}/config.json")


def flatten_config(path):
    """The decoder's keys at the top and rope_scaling of type mrope, as the hub's folders have them."""
    with open(path) as file:
        config = json.load(file)
    decoder = config.pop("text_config")
    rope = decoder.pop("rope_parameters")
    for key in ("layer_types", "model_type"):
        decoder.pop(key, None)
    vision = config["vision_config"]
    vision.pop("rope_parameters", None)
    vision["in_chans"] = vision.pop("in_channels")
    tied = config["tie_word_embeddings"]
    flat = {**decoder, **config, "rope_theta": rope["rope_theta"], "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]},
            "torch_dtype": config.pop("dtype"), "tie_word_embeddings": tied, "vision_config": vision}
    flat.pop("dtype", None)
    with open(path, "w") as file:
        json.dump(flat, file, indent=1)


class DoublePrecision:
    """Norms and rotary angles of transformers compute in fp32 even in a double model; inside this context they do not."""

    def __enter__(self):
        self.kept = [(owner, key, getattr(owner, key)) for owner, key in (
            (modeling.Qwen2_5_VLRMSNorm, "forward"), (modeling, "apply_rotary_pos_emb_vision"),
            (modeling.Qwen2_5_VLRotaryEmbedding, "forward"), (modeling.Qwen2_5_VLVisionRotaryEmbedding, "forward"))]

        def norm(module, x):
            return module.weight * x * (x.square().mean(-1, keepdim=True) + module.variance_epsilon).rsqrt()

        def rotate(q, k, cos, sin):
            cos, sin = cos[..., None, :], sin[..., None, :]
            return tuple(t * cos + modeling.rotate_half(t) * sin for t in (q, k))

        def decoder_angles(module, _, positions):
            angles = positions.expand(3, -1, -1)[..., None].double() * module.inv_freq.double()
            return tuple(module.recomposition_frequencies(t) for t in (angles.cos(), angles.sin()))

        def vision_angles(module, _, positions):
            angles = positions[..., None].double() * module.inv_freq.double()
            return tuple(module.recomposition_frequencies(t) for t in (angles.cos(), angles.sin()))

        for (owner, key, _), replacement in zip(self.kept, (norm, rotate, decoder_angles, vision_angles)):
            setattr(owner, key, replacement)

    def __exit__(self, *_):
        for owner, key, original in self.kept:
            setattr(owner, key, original)


class SinglePrecision:
    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


def encode(processor, messages, lengths, images, seed):
    """The padded batch: prompts on the left, random completions that end in the stop token."""
    prompts = [processor.apply_chat_template([{"role": "user", "content": row}], tokenize=False, add_generation_prompt=True) for row in messages]
    names = [part["image"] for row in messages for part in row if part["type"] == "image"]
    encoded = processor(text=prompts, images=[Image.open(f"{images}/{n}") for n in names] or None, padding=True, padding_side="left",
                        return_tensors="pt", return_mm_token_type_ids=True)
    tokenizer, generator = processor.tokenizer, torch.Generator().manual_seed(seed)
    special = set(tokenizer.all_special_ids)
    ordinary = torch.tensor([i for i in range(len(tokenizer)) if i not in special])
    completion = torch.full((len(messages), max(lengths)), tokenizer.pad_token_id)
    mask = torch.zeros_like(completion)
    for row, length in enumerate(lengths):
        completion[row, :length] = ordinary[torch.randint(len(ordinary), (length,), generator=generator)]
        completion[row, length - 1] = tokenizer.convert_tokens_to_ids("<|im_end|>")
        mask[row, :length] = 1
    ids = torch.cat([encoded["input_ids"], completion], 1)
    attention = torch.cat([encoded["attention_mask"], mask], 1)
    kinds = torch.cat([encoded["mm_token_type_ids"], torch.zeros_like(completion)], 1)
    return prompts, names, encoded, completion, mask, ids, attention, kinds


def make_case(name, case, folder, images):
    messages, lengths = CASES[name][case]
    processor = AutoProcessor.from_pretrained(folder)
    prompts, names, encoded, completion, mask, ids, attention, kinds = encode(processor, messages, lengths, images, seed=len(case))
    start = encoded["input_ids"].shape[1]
    pixels, grid = encoded["pixel_values"], encoded["image_grid_thw"]
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    positions, deltas = model.model.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grid, attention_mask=attention)
    tensors = {"input_ids": ids.int(), "attention_mask": attention.int(), "position_ids": positions.int(), "rope_deltas": deltas.int(),
               "completion_ids": completion.int(), "completion_mask": mask.int(), "image_grid_thw": grid.int()}
    if name != "small":
        tensors["pixel_values"] = pixels
    info = {"texts": prompts, "messages": messages, "image_paths": names, "B": len(messages), "prompt_len": start, "completion_len": max(lengths),
            "grid_thw": grid.tolist()}
    whole = [key for key, p in model.named_parameters() if p.ndim == 1][:: 7 if name == "small" else 5] + ["model.visual.merger.mlp.2.bias"]
    for kind, dtype, precision in (("f32", torch.float32, SinglePrecision()), ("f64", torch.float64, DoublePrecision())):
        model = model.to(dtype)
        with precision:
            with torch.no_grad():
                embeds = torch.cat(model.get_image_features(pixels.to(dtype), grid).pooler_output)
            model.zero_grad()
            logits = model(input_ids=ids, attention_mask=attention, position_ids=positions, pixel_values=pixels.to(dtype), image_grid_thw=grid,
                           use_cache=False).logits[:, start - 1:-1]
            all_log_probs = logits.log_softmax(-1)
            log_probs = all_log_probs.gather(-1, completion[..., None]).squeeze(-1) * mask
            loss = -log_probs.sum() / mask.sum()
            loss.backward()
        tensors[f"logps.{kind}"] = log_probs.detach()
        tensors[f"entropy.{kind}"] = (-(all_log_probs.exp() * all_log_probs).sum(-1) * mask).detach()
        if kind == "f32" or name != "small":
            tensors[f"vision_embeds.{kind}"] = embeds
        gradients = {key: p.grad for key, p in model.named_parameters() if p.grad is not None}
        info[f"loss_{kind}"] = loss.item()
        info[f"grad_norm_total_{kind}"] = sum(g.double().square().sum() for g in gradients.values()).sqrt().item()
        info[f"grad_norms_{kind}"] = {key: g.double().norm().item() for key, g in gradients.items()}
        for key in whole:
            tensors[f"grad.{key}.{kind}"] = gradients[key].detach().clone()
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        out = model.generate(**encoded, max_new_tokens=16, do_sample=False, eos_token_id=None, pad_token_id=processor.tokenizer.pad_token_id,
                             output_scores=True, return_dict_in_generate=True)
    scores, greedy = torch.stack(out.scores, 1), out.sequences[:, start:]
    top = scores.topk(2, -1).values
    tensors["greedy_ids"], tensors["greedy_margin"] = greedy.int(), top[..., 0] - top[..., 1]
    info["greedy_logps"] = scores.log_softmax(-1).gather(-1, greedy[..., None]).squeeze(-1).tolist()
    target = f"{os.path.dirname(folder)}/{name}.{case}"
    save_file({key: value.contiguous() for key, value in tensors.items()}, f"{target}.safetensors")
    with open(f"{target}.json", "w") as file:
        json.dump(info, file, indent=1, ensure_ascii=False)
    difference = (tensors["logps.f32"].double() - tensors["logps.f64"]).abs().max().item()
    print(name, case, tuple(ids.shape), f"loss {info['loss_f64']:.4f}, log-probs fp32 against fp64 {difference:.1e}")


if __name__ == "__main__":
    tiny, output, *chosen = sys.argv[1:]
    images = f"{output}/images"
    os.makedirs(images, exist_ok=True)
    os.makedirs(f"{output}/models", exist_ok=True)
    for seed, (file, size) in enumerate(SIZES.items()):
        if not chosen or set(chosen) - {"small"}:
            draw(size, seed).save(f"{images}/{file}")
    for name in chosen or ["untied", "deep"]:
        build(name, f"{output}/models/{name}", tiny)
        for case in CASES[name]:
            make_case(name, case, f"{output}/models/{name}", images)
