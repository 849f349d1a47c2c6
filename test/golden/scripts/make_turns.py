"""Golden values of responses of two turns with an environment's words and picture between them, by transformers, in fp32 and fp64.

usage: python make_turns.py <cases folder>

Writes <cases folder>/turns.json from models/<family>: a conversation of a user (a picture and words), the assistant, the user again (another
picture and words) and the assistant, as the folder's own chat template writes it. Beside its ids: how many of them are the prompt, the first turn and
what stands between the turns, stop tokens with the turns; log-probs of the tokens of both turns; and of the sum of cos(t) times the t-th of these the
L2 norm of every parameter's gradient, and some whole.
"""
import json
import math
import sys

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

torch.set_num_threads(1)
folder = sys.argv[1]
CASES = ["small", "qwen2_vl", "qwen3_vl", "smolvlm", "idefics3"]
PICTURES = ["img6_gray_90x61.png", "img2_56x56.png"]
ASKED, FIRST, SAID, SECOND = "What is in the corner?", "I look at the corner.", "This is the corner.", "It is red."
MARK = "XTURNX"
image = {"type": "image"}
words = lambda text: {"type": "text", "text": text}

out = {}
for name in CASES:
    path = f"{folder}/models/{name}"
    processor = AutoProcessor.from_pretrained(path)
    is_qwen = name.startswith(("small", "qwen"))
    pictures = [Image.open(f"{folder}/images/{file}") for file in PICTURES]
    messages = [
        {"role": "user", "content": [image, words(ASKED)]},
        {"role": "assistant", "content": [words(MARK)]},
        {"role": "user", "content": [image, words(SAID)]},
    ]
    render = lambda some: processor.apply_chat_template(some, add_generation_prompt=True, tokenize=False)
    text = render(messages)
    before, after = text.split(MARK)
    # Some templates write a space before a turn of the assistant that is there, and none where it is to begin: it is the turn's own.
    asked = render(messages[:1])
    lead = before[len(asked):]
    assert before == asked + lead and not lead.strip()
    first, second = lead + FIRST, lead + SECOND
    stop = processor.tokenizer.convert_ids_to_tokens(AutoModelForImageTextToText.from_pretrained(path).generation_config.eos_token_id)
    stop = stop if isinstance(stop, str) else stop[0]
    assert after.startswith(stop), (name, after[:40], stop)
    encode = lambda text, images: processor(text=[text], images=images if is_qwen else [images], return_tensors="pt")
    encoded = encode(asked + first + after + second + stop, pictures)
    ids = encoded["input_ids"]
    prompt, turned, said = (encode(part, some)["input_ids"].shape[1] for part, some in ((asked, pictures[:1]), (asked + first + stop, pictures[:1]), (asked + first + after, pictures)))
    policy = torch.zeros(ids.shape[1], dtype=torch.bool)
    policy[prompt:turned] = True
    policy[said:] = True
    case = {"ids": ids[0].tolist(), "prompt": prompt, "first": turned - prompt, "said": said - turned, "turns": [first + stop, second + stop]}
    for precision, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        model = AutoModelForImageTextToText.from_pretrained(path, dtype=dtype, attn_implementation="eager").eval()
        fed = {key: value.to(dtype) if value.is_floating_point() else value for key, value in encoded.items()}
        logits = model(**fed, use_cache=False).logits[0]
        logps = logits[:-1].log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0][policy[1:]]
        weights = torch.tensor([math.cos(t) for t in range(len(logps))], dtype=dtype)
        (weights * logps).sum().backward()
        gradients = {key: p.grad for key, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
        total = sum(g.double().square().sum() for g in gradients.values()).sqrt().item()
        norms = {key: g.double().norm().item() for key, g in gradients.items()}
        noise = case.setdefault("noise", [])
        noise += [key for key, norm in norms.items() if norm < 1e-5 * total and key not in noise]
        whole = [key for key, p in model.named_parameters() if p.ndim == 1 and p.numel() <= 64 and key in norms and key not in noise][::4]
        case.setdefault("logps", {})[precision] = logps.tolist()
        case.setdefault("norms", {})[precision] = norms
        case.setdefault("whole", {})[precision] = {key: gradients[key].flatten().tolist() for key in whole}
    out[name] = case
    print(name, len(case["ids"]), prompt, turned, said, round(case["logps"]["f64"][0], 4), max(abs(a - b) for a, b in zip(case["logps"]["f32"], case["logps"]["f64"])))
with open(f"{folder}/turns.json", "w") as file:
    json.dump({"pictures": PICTURES, "asked": ASKED, "said": SAID, "cases": out}, file)
