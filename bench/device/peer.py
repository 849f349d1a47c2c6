"""The peer on a GPU: torch and transformers at Qwen2.5-VL-3B's shape, random weights. usage: peer.py <workload as JSON>

Prints a line of JSON for each thing measured. The learner step is TRL's: every response carries its prompt and picture, padded;
bfloat16 products over float32 weights (autocast), AdamW in float32, SDPA attention, layers recomputed, each layer compiled or not.
"shared" is the same loss with each prompt computed once, written by hand over the same weights.
"""
import json
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForImageTextToText, Qwen2_5_VLConfig

work = json.loads(sys.argv[1])
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PROMPTS, RESPONSES, TEXT, NEW = (work[key] for key in ("prompts", "responses", "text", "new"))
SIDE = work["side"]  # patches on a side of the square picture
VISUAL = SIDE * SIDE // 4
FIRST = 16
DEADLINE = time.time() + work.get("seconds", 1e9)
torch.backends.cuda.matmul.allow_tf32 = True


def say(**what):
    print(json.dumps(what), flush=True)


def build(dtype):
    config = Qwen2_5_VLConfig(**work["config"])
    config._attn_implementation = "sdpa"
    torch.manual_seed(1)
    with torch.device(DEVICE):
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype, attn_implementation="sdpa")
    return model.eval()


def synchronise():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def batch(model, count):
    generator = torch.Generator().manual_seed(1)
    config = model.config
    vocabulary = config.text_config.vocab_size
    picture = [config.vision_start_token_id] + [config.image_token_id] * VISUAL + [config.vision_end_token_id]
    half = (TEXT - 2) // 2
    rows = []
    for _ in range(count):
        words = torch.randint(FIRST, vocabulary - 1024, (TEXT - 2,), generator=generator)
        rows.append(torch.cat([words[:half], torch.tensor(picture), words[half:]]))
    pixels = 4 * torch.rand(count, SIDE * SIDE, 1176, generator=generator) - 2
    responses = torch.randint(FIRST, vocabulary - 1024, (count * RESPONSES, NEW), generator=generator)
    advantages = torch.randn(count * RESPONSES, 1, generator=generator)
    return torch.stack(rows).to(DEVICE), pixels.to(DEVICE), responses.to(DEVICE), advantages.to(DEVICE)


def log_probs(logits, ids):
    return torch.log_softmax(logits.float(), -1).gather(-1, ids[..., None]).squeeze(-1)


def padded(model, ids, pixels, responses):
    """Log-probs of one prompt's responses, [N, R]: ids [1, P]."""
    count = len(responses)
    ids = ids.repeat_interleave(count, 0)
    pixels = pixels.repeat_interleave(count, 0).reshape(-1, 1176)
    grid = torch.tensor([[1, SIDE, SIDE]] * count, device=DEVICE)
    whole = torch.cat([ids, responses], 1)
    kinds = (whole == model.config.image_token_id).int()
    kinds[:, ids.shape[1]:] = 0
    out = model(input_ids=whole, attention_mask=torch.ones_like(whole), pixel_values=pixels, image_grid_thw=grid,
                mm_token_type_ids=kinds, use_cache=False, logits_to_keep=NEW + 1)
    return log_probs(out.logits[:, :-1], responses)


def rotate(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def shared(model, ids, pixels, responses):
    """The same of one prompt computed once: x holds its P rows, then N·R rows of its responses."""
    text = model.model.language_model
    P, (N, R) = ids.shape[1], responses.shape
    grid = torch.tensor([[1, SIDE, SIDE]], device=DEVICE)
    features = model.model.get_image_features(pixels.reshape(-1, 1176), grid, return_dict=True).pooler_output
    features = torch.cat(list(features)) if isinstance(features, (list, tuple)) else features
    embedded = text.embed_tokens(ids)
    is_picture = (ids == model.config.image_token_id)[..., None].expand_as(embedded)
    embedded = embedded.masked_scatter(is_picture, features.to(embedded.dtype))
    kinds = (ids == model.config.image_token_id).int()
    positions, deltas = model.model.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grid, attention_mask=torch.ones_like(ids))
    after = (deltas.reshape(1, 1) + P + torch.arange(R, device=DEVICE)).expand(3, 1, R)
    cos, sin = text.rotary_emb(embedded, torch.cat([positions, after], 2))
    sections = text.config.rope_parameters["mrope_section"] * 2
    if cos.dim() == 4:
        cos, sin = (torch.cat([part[i % 3] for i, part in enumerate(t.split(sections, -1))], -1) for t in (cos, sin))
    D = cos.shape[-1]
    H, KV = text.config.num_attention_heads, text.config.num_key_value_heads
    cp, sp, cr, sr = cos[0, :P, None], sin[0, :P, None], cos[0, P:, None], sin[0, P:, None]
    mask = torch.cat([torch.ones(R, P, device=DEVICE), torch.tril(torch.ones(R, R, device=DEVICE))], 1).bool()

    def layer_of(layer, x):
        h = layer.input_layernorm(x)
        a = layer.self_attn
        q, k, v = a.q_proj(h).view(-1, H, D), a.k_proj(h).view(-1, KV, D), a.v_proj(h).view(-1, KV, D)
        qp, kp, vp = rotate(q[:P], cp, sp), rotate(k[:P], cp, sp), v[:P]
        qr, kr = (rotate(t[P:].view(N, R, -1, D), cr, sr) for t in (q, k))
        vr = v[P:].view(N, R, KV, D)
        heads = lambda t: t.transpose(-3, -2).to(torch.bfloat16 if DEVICE == "cuda" else t.dtype)
        op = F.scaled_dot_product_attention(heads(qp)[None], heads(kp)[None], heads(vp)[None], is_causal=True, enable_gqa=True)
        keys, values = (torch.cat([p.expand(N, P, KV, D), r.to(p.dtype)], 1) for p, r in ((kp, kr), (vp, vr)))
        o = F.scaled_dot_product_attention(heads(qr), heads(keys), heads(values), attn_mask=mask, enable_gqa=True)
        o = torch.cat([op[0].transpose(0, 1).reshape(P, -1), o.transpose(1, 2).reshape(N * R, -1)])
        x = x + a.o_proj(o)
        return x + layer.mlp(layer.post_attention_layernorm(x))

    x = torch.cat([embedded.reshape(P, -1), text.embed_tokens(responses).reshape(N * R, -1)])
    for layer in text.layers:
        x = checkpoint(layer_of, layer, x, use_reentrant=False) if torch.is_grad_enabled() else layer_of(layer, x)
    last = x[P - 1].expand(N, 1, -1)
    hidden = torch.cat([last, x[P:].view(N, R, -1)[:, :-1]], 1)
    return log_probs(model.lm_head(text.norm(hidden)), responses)


def add_lora(model, rank):
    """Low-rank products beside the decoder's linear maps, as PEFT adds them; everything else is frozen."""
    class Adapted(torch.nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base = base
            self.a = torch.nn.Parameter(torch.randn(rank, base.in_features, device=DEVICE) * base.in_features**-0.5)
            self.b = torch.nn.Parameter(torch.zeros(base.out_features, rank, device=DEVICE))

        def forward(self, x):
            return self.base(x) + (x.to(self.a.dtype) @ self.a.T) @ self.b.T

    model.requires_grad_(False)
    for layer in model.model.language_model.layers:
        for owner in (layer.self_attn, layer.mlp):
            for name, child in list(owner.named_children()):
                if isinstance(child, torch.nn.Linear):
                    setattr(owner, name, Adapted(child))


def learner():
    rank = work.get("rank", 0)
    model = build(torch.bfloat16 if rank else torch.float32)
    if rank:
        add_lora(model, rank)
    model.train()
    if work["score"] == "padded":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if rank:
        model.enable_input_require_grads()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, weight_decay=0.01, fused=DEVICE == "cuda")
    score = padded if work["score"] == "padded" else shared
    if work.get("compile"):
        for layer in model.model.language_model.layers:
            layer.compile()
        for block in model.model.visual.blocks:
            block.compile()
    ids, pixels, responses, advantages = batch(model, PROMPTS)
    total = responses.numel()

    def step():
        for i in range(PROMPTS):
            rows = slice(i * RESPONSES, (i + 1) * RESPONSES)
            with torch.autocast(DEVICE, torch.bfloat16):
                logps = score(model, ids[i:i + 1], pixels[i:i + 1], responses[rows])
            ratio = torch.exp(logps - logps.detach())
            loss = -torch.min(ratio * advantages[rows], ratio.clamp(0.8, 1.28) * advantages[rows]).sum() / total
            loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    count = 0
    while count < work["steps"] + 1 and (count < 2 or time.time() < DEADLINE):
        synchronise()
        begun = time.perf_counter()
        step()
        synchronise()
        say(step=count, seconds=time.perf_counter() - begun, **memory())
        count += 1
    say(parameters=sum(p.numel() for p in model.parameters()), trained=sum(p.numel() for p in trained))


def memory():
    return {"peak": torch.cuda.max_memory_allocated() / 2**20} if DEVICE == "cuda" else {}


def check():
    """Largest difference of the two layouts' log-probs, float32."""
    model = build(torch.float32)
    ids, pixels, responses, _ = batch(model, 1)
    with torch.no_grad():
        say(difference=(padded(model, ids, pixels, responses) - shared(model, ids, pixels, responses)).abs().max().item())


def decode():
    model = build(torch.bfloat16)
    ids, pixels, _, _ = batch(model, PROMPTS)
    ids = ids.repeat_interleave(RESPONSES, 0)
    pixels = pixels.repeat_interleave(RESPONSES, 0).reshape(-1, 1176).to(torch.bfloat16)
    grid = torch.tensor([[1, SIDE, SIDE]] * len(ids), device=DEVICE)
    kinds = (ids == model.config.image_token_id).int()
    count = 0
    while count < work["steps"] + 1 and (count < 2 or time.time() < DEADLINE):
        synchronise()
        begun = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, image_grid_thw=grid,
                                 mm_token_type_ids=kinds, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=True, top_k=0, top_p=1.0,
                                 temperature=1.0, pad_token_id=0, eos_token_id=None, use_cache=True,
                                 **({"cache_implementation": "static"} if work.get("compile") else {}))
        synchronise()
        seconds = time.perf_counter() - begun
        say(run=count, seconds=seconds, tokens=out[:, ids.shape[1]:].numel(), **memory())
        count += 1


say(torch=torch.__version__, device=torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu")
{"learner": learner, "check": check, "decode": decode}[work["task"]]()
