"""Small files in the layouts of public benchmarks, and a folder of save_to_disk, written by Hugging Face datasets; the questions are made up.

pip install datasets==5.2.0 pillow; python test/golden/scripts/make_benchmarks.py
"""
import json
from pathlib import Path

from datasets import Dataset, DatasetDict, Features, Image, Sequence, Value
from PIL import Image as Picture

root = Path(__file__).parent.parent / "cases" / "benchmarks"


def picture(colour):
    return Picture.new("RGB", (8, 6), colour)


def write(folder, split, features, rows):
    path = root / folder / "data" / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    Dataset.from_list(rows, features=Features(features)).to_parquet(str(path))


text, number = Value("string"), Value("float64")

write("geometry3k", "test", {"images": Sequence(Image()), "problem": text, "answer": text}, [
    {"images": [picture("red")], "problem": "<image>Find x.", "answer": "2 \\sqrt { 3 }"},
])
metadata = {"category": text, "context": text, "grade": text, "task": text, "source": text, "skills": Sequence(text)}
mathvista = {"pid": text, "question": text, "image": text, "decoded_image": Image(), "choices": Sequence(text), "unit": text, "precision": number, "answer": text,
             "question_type": text, "answer_type": text, "metadata": metadata, "query": text}
about = {"category": "math-targeted-vqa", "context": "geometry diagram", "grade": "high school", "task": "geometry problem solving", "source": "made up", "skills": ["geometry reasoning"]}
write("mathvista", "testmini", mathvista, [
    {"pid": "1", "question": "How far does it go?", "image": "images/1.jpg", "decoded_image": picture("blue"), "choices": None, "unit": "m", "precision": 1.0, "answer": "1.2",
     "question_type": "free_form", "answer_type": "float", "metadata": about, "query": "Hint: …\nQuestion: How far does it go?"},
    {"pid": "2", "question": "Which angle is it?", "image": "images/2.jpg", "decoded_image": picture("green"), "choices": ["30°", "60°", "90°"], "unit": None, "precision": None, "answer": "60°",
     "question_type": "multi_choice", "answer_type": "text", "metadata": {**about, "category": "general-vqa", "task": "figure question answering"}, "query": "…"},
])
mathverse = {"sample_index": text, "problem_index": text, "problem_version": text, "question": text, "image": Image(), "answer": text, "question_type": text,
             "metadata": {"split": text, "source": text, "subject": text, "subfield": text}, "query_wo": text, "query_cot": text, "question_for_eval": text}
plane = {"split": "testmini", "source": "made up", "subject": "Plane Geometry", "subfield": "Angle"}
write("mathverse", "testmini", mathverse, [
    {"sample_index": "1", "problem_index": "1", "problem_version": "Text Dominant", "question": "Angle 1 is\nChoices:\nA:30°\nB:60°\nC:90°\nD:120°", "image": picture("red"), "answer": "B",
     "question_type": "multi-choice", "metadata": plane, "query_wo": "…", "query_cot": "…", "question_for_eval": "…"},
    {"sample_index": "5", "problem_index": "1", "problem_version": "Vision Only", "question": "", "image": picture("red"), "answer": "7",
     "question_type": "free-form", "metadata": plane, "query_wo": "…", "query_cot": "…", "question_for_eval": "…"},
])
we_math = {"ID": text, "split": text, "knowledge concept": text, "question": text, "option": text, "answer": text, "image_path": Image(), "key": text,
           "question number": Value("int64"), "knowledge concept description": text}
write("we-math", "testmini", we_math, [
    {"ID": "3steps_165", "split": "testmini", "knowledge concept": "Area of Circles", "question": "What is the area (  ) m²?", "option": "A. 200.96; B. 3215.36; C. 6280; D. 32; E. No correct answer", "answer": "B",
     "image_path": picture("yellow"), "key": "3steps_3", "question number": 1575, "knowledge concept description": "Area of Circles: …"},
])
write("mmk12", "test", {"id": text, "question": text, "image": Image(), "subject": text, "answer": text}, [
    {"id": "m1", "question": "<image>Which gas?\nA. O2\nB. CO2\nC. N2\nD. H2", "image": picture("white"), "subject": "chemistry", "answer": "B"},
])
write("logicvista", "test", {"id": text, "image": Image(), "question": text, "answer": text, "reasoning": text, "skill": Sequence(text), "broad_capability": Sequence(text), "specific_capability": Sequence(text)}, [
    {"id": "v1_1", "image": picture("green"), "question": "Which choices (A-D) belong together?", "answer": "A, C", "reasoning": "…", "skill": ["inductive"], "broad_capability": ["diagram"], "specific_capability": ["pattern"]},
])
(root / "logicvista-json" / "images").mkdir(parents=True, exist_ok=True)
picture("green").save(root / "logicvista-json" / "images" / "v1_0.png")
(root / "logicvista-json" / "dataset.json").write_text(json.dumps({"v1_0": {"imagename": "v1_0.png", "question": "Which choice?", "answer": "C", "reasoning": "…", "skill": ["inductive", "deductive"],
                                                                           "capability": ["diagram"], "imagesource": "made up", "sourcelink": ""}}, ensure_ascii=False, indent=1) + "\n")
write("counting", "test", {"images": Sequence(Image()), "problem": text, "answer": text}, [
    {"images": [picture("gray")], "problem": "<image>How many different items are there in the image?", "answer": "4"},
])
(root / "superclevr" / "images").mkdir(parents=True, exist_ok=True)
picture("gray").save(root / "superclevr" / "images" / "superCLEVR_new_025000.png")
(root / "superclevr" / "problems.jsonl").write_text(json.dumps({"image_path": "./images/superCLEVR_new_025000.png", "question": "How many different items are there in the image?", "ground_truth": 4}) + "\n")
standard = {"id": text, "question": text, "options": text, "explanation": text, **{f"image_{n}": Image() for n in range(1, 8)}, "img_type": text, "answer": text, "topic_difficulty": text, "subject": text}
empty = {f"image_{n}": None for n in range(1, 8)}
write("mmmu-pro", "test", standard, [
    {**empty, "id": "test_Art_1", "question": "Compare <image 2> with <image 1>.", "options": "['Who\\'s there', \"It's art\", 'Neither']", "explanation": "", "image_1": picture("red"), "image_2": picture("blue"),
     "img_type": "['Paintings']", "answer": "B", "topic_difficulty": "Medium", "subject": "Art"},
])
write("mmmu-pro-vision", "test", {"id": text, "image": Image(), "options": text, "answer": text, "subject": text}, [
    {"id": "test_Art_1", "image": picture("red"), "options": "['Cubism', 'Dada', 'Pop']", "answer": "C", "subject": "Art"},
])
(root / "seed-bench-r1" / "frames").mkdir(parents=True, exist_ok=True)
for name in ("115_0", "115_1"):
    picture("black").save(root / "seed-bench-r1" / "frames" / f"{name}.png")
seed = {"sample_id": 115, "video_source": "EpicKitchens", "video_id": "P01_13", "task_goal": "store cereal", "question": "What should I do next in order to store cereal?", "choice_a": "put the box into the cupboard",
        "choice_b": "take the bag", "choice_c": "open the cupboard", "choice_d": "close it", "golden_choice_idx": "A", "answer": "put the box into the cupboard", "current_observation_frame": 760,
        "task_progress_metadata": [{"narration_text": "take the bag", "start_frame": 36, "stop_frame": 105}], "frames": ["frames/115_0.png", "frames/115_1.png"]}
(root / "seed-bench-r1" / "validation_L1.jsonl").write_text(json.dumps(seed) + "\n")
saved = Features({"problem": text, "answer": text, "images": Sequence(Image()), "level": Value("int64"), "about": {"topic": text, "steps": Sequence(Value("int32"))}})
rows = [{"problem": f"What is {n}?", "answer": str(n), "images": [picture("red"), picture("blue")][: n % 3], "level": n, "about": {"topic": "numbers" if n % 2 else None, "steps": [n, n + 1]}} for n in range(250)]
DatasetDict({"train": Dataset.from_list(rows, features=saved), "test": Dataset.from_list(rows[:5], features=saved)}).save_to_disk(str(root / "saved"))
