"""The peer: torch and transformers, a line of JSON each way. usage: torch_side.py <workload as JSON> <model folder> [options as JSON]

Padded as TRL's trainer pads: every response carries its prompt and picture. "learner_shared" is the shared-prefix layout written by hand
over the same weights: a prompt is encoded and attended once for its responses, its picture goes through the tower once.
Options: "dtype" of the weights (float32), "rank" of a LoRA adapter on the decoder's linear layers by peft (none: all weights are trained),
"checkpointing" of gradients.
"""
import json
import os
import resource
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import torch.nn.functional as F
from transformers import AutoModelForImageTextToText

workload = json.loads(sys.argv[1])
PROMPTS, RESPONSES, TEXT, TOKENS, STOPS = (workload[k] for k in ("prompts", "responses", "text", "tokens", "stops"))
ROWS = PROMPTS * RESPONSES
OPTIONS = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}


def length_of(row):
    """As workloads.ts has it; the rest of a row is padding, which the loss leaves out."""
    if workload["lengths"] == "equal":
        return TOKENS
    place = 7 * row % ROWS
    return -(-TOKENS * (place + 1) // ROWS) if workload["lengths"] == "ragged" else int(64 + (TOKENS - 64) * place / (ROWS - 1) + 0.5)


LENGTHS = torch.tensor([length_of(row) for row in range(ROWS)])
MASK = (torch.arange(TOKENS) < LENGTHS[:, None]).float()
VISUAL, FIRST = 64, 16
torch.set_num_threads(int(os.environ.get("THREADS", os.cpu_count())))
model = AutoModelForImageTextToText.from_pretrained(sys.argv[2], dtype=getattr(torch, OPTIONS.get("dtype", "float32")))
config = model.config
if "rank" in OPTIONS:
    from peft import LoraConfig, get_peft_model

    targets = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
    model = get_peft_model(model, LoraConfig(r=OPTIONS["rank"], lora_alpha=2 * OPTIONS["rank"], target_modules=targets))
if OPTIONS.get("checkpointing"):
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.enable_input_require_grads()
VOCABULARY = config.text_config.vocab_size
PICTURE, START, END = config.image_token_id, config.vision_start_token_id, config.vision_end_token_id
PAD = 0
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6, weight_decay=0.01)
GRID = torch.tensor([[1, 16, 16]])


def prompts(generator):
    """Ids [prompts, text + visual] and pixels [prompts, patches, 1176]."""
    rows = []
    for _ in range(PROMPTS):
        words = torch.randint(FIRST, VOCABULARY, (TEXT - 2,), generator=generator)
        half = (TEXT - 2) // 2
        rows.append(torch.cat([words[:half], torch.tensor([START]), torch.full((VISUAL,), PICTURE), torch.tensor([END]), words[half:]]))
    return torch.stack(rows), 4 * torch.rand(PROMPTS, 256, 1176, generator=generator) - 2


def repeated(ids, pixels):
    """What TRL hands the model: a prompt and a picture for every response."""
    ids = ids.repeat_interleave(RESPONSES, 0)
    pixels = pixels.repeat_interleave(RESPONSES, 0).reshape(-1, 1176)
    return ids, pixels, GRID.repeat(len(ids), 1)


def rollout(seed):
    torch.manual_seed(seed)
    ids, pixels, grids = repeated(*prompts(torch.Generator().manual_seed(seed)))
    stops = list(range(VOCABULARY - STOPS, VOCABULARY)) if STOPS else None
    begun = time.perf_counter()
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, image_grid_thw=grids, mm_token_type_ids=(ids == PICTURE).int(),
            max_new_tokens=TOKENS, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, use_cache=True, pad_token_id=PAD, eos_token_id=stops,
            suppress_tokens=[PICTURE, PICTURE + 1],
            **({} if STOPS else {"min_new_tokens": TOKENS}),
        )
    seconds = time.perf_counter() - begun
    written = out[:, ids.shape[1]:]
    tokens = written.numel() if not STOPS else int(((written >= VOCABULARY - STOPS).int().cumsum(1) == 0).sum()) + int((written >= VOCABULARY - STOPS).any(1).sum())
    return {"seconds": seconds, "tokens": tokens}


def padded(ids, pixels, responses):
    ids, pixels, grids = repeated(ids, pixels)
    whole = torch.cat([ids, responses], 1)
    kinds = torch.cat([(ids == PICTURE).int(), torch.zeros_like(responses).int()], 1)
    logits = model(input_ids=whole, attention_mask=torch.ones_like(whole), pixel_values=pixels, image_grid_thw=grids, mm_token_type_ids=kinds,
                   use_cache=False, logits_to_keep=responses.shape[1] + 1).logits[:, :-1]
    return log_probs(logits, responses)


def log_probs(logits, responses):
    if VOCABULARY > 100_000:  # a row at a time, as TRL does: large logits exist fewer times
        return torch.stack([torch.log_softmax(row.float(), -1).gather(-1, ids[:, None]).squeeze(-1) for row, ids in zip(logits, responses)])
    return torch.log_softmax(logits, -1).gather(-1, responses[..., None]).squeeze(-1)


def shared(ids, pixels, responses):
    """The same log-probs with each prompt computed once."""
    B, P = ids.shape
    N, R = RESPONSES, responses.shape[1]
    text = model.model.language_model
    features = model.model.get_image_features(pixels.reshape(-1, 1176), GRID.repeat(B, 1), return_dict=True).pooler_output
    features = torch.cat(list(features)) if isinstance(features, (list, tuple)) else features
    embedded = text.embed_tokens(ids).masked_scatter((ids == PICTURE)[..., None].expand(B, P, text.config.hidden_size), features)
    positions, deltas = model.model.get_rope_index(ids, mm_token_type_ids=(ids == PICTURE).int(), image_grid_thw=GRID.repeat(B, 1), attention_mask=torch.ones_like(ids))
    after = (deltas.reshape(B, 1) + P + torch.arange(R)).expand(3, B, R)
    cos, sin = text.rotary_emb(embedded, torch.cat([positions, after], 2))  # [3, B, P + R, D]: sections are mixed below
    cos, sin = (mix(table) for table in (cos, sin))
    H, KV, D = text.config.num_attention_heads, text.config.num_key_value_heads, cos.shape[-1]
    G = H // KV
    prefix = B * P
    x = torch.cat([embedded.reshape(prefix, -1), text.embed_tokens(responses).reshape(B * N * R, -1)])
    causal = torch.triu(torch.full((R, R), -1e9), 1)
    mask = torch.cat([torch.zeros(R, P), causal], 1)
    cp, sp = (t[:, :P, None] for t in (cos, sin))
    cr, sr = (t[:, P:].reshape(B, 1, R, 1, D) for t in (cos, sin))
    for layer in text.layers:
        h = layer.input_layernorm(x)
        a = layer.self_attn
        q, k, v = a.q_proj(h), a.k_proj(h), a.v_proj(h)
        qp, kp, vp = (t[:prefix].reshape(B, P, -1, D) for t in (q, k, v))
        qr, kr, vr = (t[prefix:].reshape(B, N, R, -1, D) for t in (q, k, v))
        qp, kp, qr, kr = rotate(qp, cp, sp), rotate(kp, cp, sp), rotate(qr, cr, sr), rotate(kr, cr, sr)
        op = F.scaled_dot_product_attention(qp.transpose(1, 2), kp.transpose(1, 2), vp.transpose(1, 2), is_causal=True, enable_gqa=True)
        op = op.transpose(1, 2).reshape(prefix, H * D)
        qr = qr.reshape(B, N, R, KV, G, D).permute(0, 3, 1, 4, 2, 5)
        kr, vr = (t.permute(0, 3, 1, 2, 4) for t in (kr, vr))
        kp, vp = kp.transpose(1, 2), vp.transpose(1, 2)
        toPrefix = (qr.reshape(B, KV, N * G * R, D) @ kp.transpose(-1, -2)).view(B, KV, N, G, R, P)
        toOwn = (qr.reshape(B, KV, N, G * R, D) @ kr.transpose(-1, -2)).view(B, KV, N, G, R, R)
        weights = torch.softmax(torch.cat([toPrefix, toOwn], -1) * D**-0.5 + mask, -1)
        first, second = weights.split([P, R], -1)
        o = (first.reshape(B, KV, N * G * R, P) @ vp).view(B, KV, N, G, R, D) + (second.reshape(B, KV, N, G * R, R) @ vr).view(B, KV, N, G, R, D)
        o = o.permute(0, 2, 4, 1, 3, 5).reshape(B * N * R, H * D)
        x = x + a.o_proj(torch.cat([op, o]))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    last = x[:prefix].view(B, P, -1)[:, -1:].repeat_interleave(N, 0)
    hidden = torch.cat([last, x[prefix:].view(B * N, R, -1)[:, :-1]], 1)
    return log_probs(model.lm_head(text.norm(hidden)), responses)


def mix(table):
    """M-RoPE: which component (time, height, width) an angle takes its position from."""
    if table.dim() == 3:
        return table
    sections = model.config.text_config.rope_parameters["mrope_section"] * 2
    return torch.cat([part[i % 3] for i, part in enumerate(table.split(sections, -1))], -1)


def rotate(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def learner(seed, minibatches, score):
    begun = time.perf_counter()
    batches = []
    for index in range(minibatches):
        generator = torch.Generator().manual_seed(seed + 1000 * index)
        ids, pixels = prompts(generator)
        responses = torch.randint(FIRST, VOCABULARY, (PROMPTS * RESPONSES, TOKENS), generator=generator)
        advantages = torch.randn(PROMPTS * RESPONSES, 1, generator=generator)
        with torch.no_grad():
            old = score(ids, pixels, responses)
        batches.append((ids, pixels, responses, advantages, old))
    model.train()
    scored = time.perf_counter()
    for ids, pixels, responses, advantages, old in batches:
        ratio = torch.exp(score(ids, pixels, responses) - old)
        loss = -(torch.min(ratio * advantages, ratio.clamp(0.8, 1.28) * advantages) * MASK).sum() / MASK.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    ended = time.perf_counter()
    model.eval()
    return {"seconds": ended - scored, "withScores": ended - begun}


def check():
    """Largest difference of the two layouts' log-probs."""
    generator = torch.Generator().manual_seed(1)
    ids, pixels = prompts(generator)
    responses = torch.randint(FIRST, VOCABULARY, (PROMPTS * RESPONSES, TOKENS), generator=generator)
    with torch.no_grad():
        return {"difference": (padded(ids, pixels, responses) - shared(ids, pixels, responses)).abs().max().item()}


def matmul(size):
    a, b = torch.randn(size, size), torch.randn(size, size)
    repeats = max(1, int(4e9 / (2 * size**3)))
    begun = time.perf_counter()
    for _ in range(repeats):
        a @ b
    return {"gflops": 2 * size**3 * repeats / (time.perf_counter() - begun) / 1e9}


tasks = {
    "rollout": lambda o: rollout(o.get("seed", 1)),
    "learner": lambda o: learner(o.get("seed", 1), o.get("minibatches", 1), padded),
    "learner_shared": lambda o: learner(o.get("seed", 1), o.get("minibatches", 1), shared),
    "check": lambda o: check(),
    "matmul": lambda o: matmul(o["size"]),
}
model.eval()
print(json.dumps({"ready": 1}), flush=True)
for line in sys.stdin:
    options = json.loads(line)
    answer = tasks[options["task"]](options)
    print(json.dumps({**answer, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)
