"""The peer: TRL's GRPOTrainer, a whole step at a time. usage: trl_side.py <workload as JSON> <model folder> <rows.jsonl> <output folder>

The same model, prompts, pictures and reward as the other side; no reference model, no checkpointing of activations, fp32.
"""
import json
import os
import resource
import sys
import threading
import time
from queue import Queue

begun = time.perf_counter()
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import torch
from datasets import Dataset
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

workload = json.loads(sys.argv[1])
folder = os.path.dirname(sys.argv[3])
torch.set_num_threads(int(os.environ.get("THREADS", os.cpu_count())))
model = AutoModelForImageTextToText.from_pretrained(sys.argv[2], dtype=torch.float32)
processor = AutoProcessor.from_pretrained(sys.argv[2])
rows = [json.loads(line) for line in open(sys.argv[3])]
data = Dataset.from_list([{"prompt": [{"role": "user", "content": row["prompt"]}], "image": Image.open(os.path.join(folder, row["images"][0])).convert("RGB")} for row in rows])

go, done = Queue(), Queue()


class Gate(TrainerCallback):
    def on_step_begin(self, *args, **kwargs):
        go.get()
        self.begun = time.perf_counter()

    def on_step_end(self, *args, **kwargs):
        done.put(time.perf_counter() - self.begun)


def reward(completions, **kwargs):
    return [float(len(str(completion)) % 7) / 7 for completion in completions]


config = GRPOConfig(
    output_dir=sys.argv[4], use_cpu=True, bf16=False, per_device_train_batch_size=workload["prompts"] * workload["responses"], num_generations=workload["responses"],
    max_completion_length=workload["tokens"], gradient_checkpointing=False, learning_rate=1e-6, max_steps=1000, beta=0.0, report_to=[], temperature=1.0,
    save_strategy="no", logging_steps=1000, loss_type="grpo", disable_tqdm=True, shuffle_dataset=False, seed=1,
    generation_kwargs={"min_new_tokens": workload["tokens"], "suppress_tokens": [model.config.image_token_id, model.config.video_token_id]},
)
trainer = GRPOTrainer(model=model, processing_class=processor, reward_funcs=reward, args=config, train_dataset=data, callbacks=[Gate()])


def train():
    try:
        trainer.train()
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)


threading.Thread(target=train, daemon=True).start()
print(json.dumps({"ready": 1}), flush=True)
for line in sys.stdin:
    # Generation, rewards and learning are all inside the trainer's step.
    asked = time.perf_counter()
    go.put(1)
    done.get()
    print(json.dumps({"seconds": time.perf_counter() - asked, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)
os._exit(0)
