"""Whole responses as models write them, with what they are by construction, by kind: {kind, gold, response, expected, choices?}."""

cases = []


def case(kind, gold, response, expected, choices=None):
    one = {"kind": kind, "gold": gold, "response": response, "expected": expected}
    if choices is not None:
        one["choices"] = choices
    cases.append(one)


def boxed(kind, pairs, expected):
    for gold, answer in pairs:
        case(kind, gold, f"So the result is \\boxed{{{answer}}}.", expected)


# Words: a run of three letters or a common word of two is no product of letters.
words = ["left", "felt", "dog", "god", "listen", "silent", "was", "saw", "stop", "pots", "on", "no", "triangle", "integral", "cat", "act", "north", "thorn", "team", "meat"]
for word, other in zip(words[0::2], words[1::2]):
    boxed("bare words", [(word, word.capitalize()), (word.capitalize(), word.upper()), (word, f"\\text{{{word.capitalize()}.}}")], 1)
    boxed("bare words", [(word, other), (other, f"\\text{{{word}}}"), (word.capitalize(), other)], 0)
boxed("bare words", [("the dog", "The dog"), ("left of", "Left of"), ("right-angled", "Right-angled"), ("red, blue", "blue, red"), ("red and blue", "\\text{red and blue}"), ("True", "true"), ("FALSE", "False"), ("black", "\\mathrm{Black}"),
                     ("up", "Up"), ("Yes", "\\textbf{yes}"), ("color=red", "red"), ("isosceles", "\\text{Isosceles}"), ("3", "\\text{Three}"), ("twenty-one", "21"), ("12", "\\text{twelve}"), ("ab", "ba"), ("xy", "yx"), ("2ab", "2ba"), ("AB", "AB"), ("pi", "\\pi")], 1)
boxed("bare words", [("dog", "the dog"), ("left of", "left"), ("red, blue", "red"), ("red", "red, blue"), ("true", "false"), ("yes", "no"), ("up", "down"), ("isosceles", "equilateral"), ("three", "4"), ("dog", "dogs"), ("black", "block"),
                     ("on", "o n"), ("in", "ni"), ("at", "ta"), ("it", "ti"), ("as", "sa"), ("pat", "tap"), ("red", "dre"), ("abc", "cab"), ("not red", "red"), ("3", "\\text{thirty}"), ("north-east", "north-west"), ("above", "below")], 0)

# Sentences.
for gold, response, expected in [
    ("yes", "Yes, it is.", 1), ("yes", "yes.", 1), ("Yes", "Yes!", 1), ("yes", "Yes. The two lines are parallel.", 1), ("no", "No, there is none.", 1), ("No", "no", 1), ("no", "No. There are only two of them.", 1), ("no", "No; the bars differ.", 1),
    ("yes", "<think>They touch.</think>Yes, they do.", 1), ("yes", "The answer is yes, because they touch.", 1), ("no", "The answer is **No**.", 1), ("yes", "\\boxed{\\text{Yes, it is}}", 1), ("no", "\\boxed{\\text{No, there is none}}", 1), ("Yes, it is", "yes", 1),
    ("red", "It is red.", 1), ("red", "The ball is red.", 1), ("blue", "The color of the sphere is blue.", 1), ("left", "The answer is left.", 1), ("circle", "The shape is circle.", 1), ("a circle", "The shape is a circle.", 1), ("cat", "Answer: Cat", 1), ("cat", "**Answer:** cat", 1),
    ("5", "There are 5 cubes.", 1), ("5", "I can see 5 cubes in the picture.", 1), ("12", "The area is 12 square centimeters.", 1), ("7", "Therefore, the answer is 7.", 1), ("7", "The final answer is $7$.", 1), ("7", "Answer: 7 because 3 + 4 = 7.", 1),
    ("regular hexagon", "Regular hexagon", 1), ("Tuesday", "tuesday.", 1), ("Eiffel Tower", "eiffel tower", 1),
    ("no", "Yes, it is.", 0), ("yes", "No, there is none.", 0), ("yes", "no.", 0), ("No", "Yes.", 0), ("yes", "Yes or no", 0), ("yes", "Yes and no.", 0), ("yes", "Yes, no.", 0), ("no", "The answer is yes.", 0), ("yes", "I do not know.", 0), ("red", "It is not red.", 0), ("red", "It is blue.", 0),
    ("2", "There are 2 cubes; the bigger one is red.", 0), ("3", "There are 3 balls, and the largest one is blue.", 0), ("blue", "The ball is blue, but the cube is red.", 0), ("yes", "Yes, wait, no.", 0), ("7", "The answer is 7. Wait, it is 8.", 0), ("12", "The answer is not 12.", 0), ("red", "The answer is red or blue.", 0), ("cat", "The answer is a dog.", 0),
    ("5", "The answer is 4 because 2 + 2 = 5.", 0), ("yes", "The answer is yes or no.", 0), ("red", "Is it red?", 0),
]:
    case("said in a sentence", gold, response, expected)

# Letters.
for letter, other in ["BC", "CA", "AD", "DB"]:
    low = letter.lower()
    for form in [f"\\boxed{{{low}}}", f"\\boxed{{({low})}}", f"\\boxed{{\\text{{Option {letter}}}}}", f"\\boxed{{\\text{{Option }} {letter}}}", f"\\boxed{{\\textbf{{({letter})}}}}", f"\\boxed{{{letter}. 12 cm}}", f"\\boxed{{\\mathbf{{{letter}}}}}", f"\\boxed{{{letter}: 12}}", f"\\boxed{{{letter} \\text{{ because it is larger}}}}",
                 f"\\boxed{{\\text{{{letter}) 12 cm}}}}", f"\\boxed{{[{letter}]}}", f"\\boxed{{\\text{{Choice {letter}}}}}", f"\\boxed{{\\text{{option }} ({letter})}}", f"Option {letter}", f"({letter})", f"{letter}.", f"The answer is ({letter}), since the angle is right.", f"The correct answer is {low}.", f"The answer is {letter} because I counted twice.",
                 f"Therefore, {letter} is correct.", f"The correct option is {letter}.", f"The correct choice is ({letter}).", f"Answer: {letter}", f"**Answer: {letter}**", f"Final answer: **{letter}**", f"So I choose {letter}.", f"I would go with option {letter}.", f"Therefore, option {letter} is correct.",
                 f"<answer>{letter}</answer>", f"<think>Is it {other}?</think><answer>({letter})</answer>", f"<answer>Option {letter}</answer>", f"<answer>{letter}. 12 cm</answer>", f"Option {other} is too small, so the answer is {letter}.", f"I considered {other}. The correct answer is option {letter}.", f"Answer:\n\n{letter}"]:
        case("choice letters", letter, form, 1)
        case("choice letters", other, form, 0)
    for form in [f"\\boxed{{{letter} \\text{{ or }} {other}}}", f"\\boxed{{{letter}, {other}}}", f"The answer is {letter} or {other}.", f"The answer is not {letter}.", f"The answer is either {letter} or {other}.", f"Option {letter} is incorrect.", f"{letter} is not correct.", f"\\boxed{{\\text{{not }} {letter}}}", f"\\boxed{{\\text{{neither {letter} nor {other}}}}}",
                 f"The answer is {letter}. Wait, actually it is {other}.", f"\\boxed{{{letter}{other}}}", f"\\boxed{{{letter} \\text{{ is wrong}}}}", f"The answer is {letter}, no wait, {other}.", f"\\boxed{{{letter}+{other}}}", f"\\boxed{{2{letter}}}", f"{letter} triangle is drawn, so the answer is {other}."]:
        case("choice letters", letter, form, 0)
for gold, same in [("AC", ["A, C", "A and C", "A;C", "CA", "(A), (C)", "\\text{A and C}", "A、C", "AC", "\\text{A, C}", "\\text{Options A and C}"]), ("A,C", ["AC", "C, A", "A \\text{ and } C"]), ("ACD", ["A, C, D", "A,C,D", "\\text{A, C, and D}", "D, A, C"]), ("B;D", ["BD", "B,D", "(B)(D)"])]:
    boxed("several letters", [(gold, one) for one in same], 1)
    boxed("several letters", [(gold, one) for one in ["A", "C", "A, B", "A, B, C", "ABCD", "AD", "D", "A, C, E", "B \\text{ and } C"]], 0)

# Choices given.
lengths = ["10 cm", "12 cm", "14 cm", "16 cm"]
for answer in ["B", "b", "(B)", "12", "12 cm", "12\\text{ cm}", "\\text{12 cm}", "B, 12 cm", "B = 12", "B. 12 cm", "(B) 12 cm", "B: 12", "\\text{Option B}", "\\mathrm{B}", "\\text{B) 12 cm}", "120\\text{ mm}", "12.0", "\\text{B } 12", "\\text{(B) }12", "x = 12"]:
    case("choices given", "B", f"\\boxed{{{answer}}}", 1, lengths)
    case("choices given", "12 cm", f"\\boxed{{{answer}}}", 1, lengths)
    case("choices given", "C", f"\\boxed{{{answer}}}", 0, lengths)
for answer in ["A", "a", "(C)", "10", "14 cm", "A, 12 cm", "A = 12", "A, B", "B, C", "AB", "B \\text{ or } C", "13", "12 kg", "E", "\\text{none}", "D. 12 cm", "B. 14 cm", "12, 14", "2", "\\text{not B}", "1"]:
    case("choices given", "B", f"\\boxed{{{answer}}}", 0, lengths)
yes_no, sides = ["Yes", "No"], ["left", "right", "above", "below"]
for gold, response, choices, expected in [
    ("A", "\\boxed{yes}", yes_no, 1), ("B", "No.", yes_no, 1), ("A", "Yes, it is.", yes_no, 1), ("B", "\\boxed{on}", yes_no, 0), ("B", "\\boxed{Yes}", yes_no, 0), ("A", "No, there is none.", yes_no, 0), ("Yes", "A", yes_no, 1), ("No", "\\boxed{A}", yes_no, 0), ("A", "\\boxed{say}", yes_no, 0),
    ("A", "\\boxed{Left}", sides, 1), ("A", "\\boxed{felt}", sides, 0), ("left", "\\boxed{A}", sides, 1), ("left", "\\boxed{B}", sides, 0), ("A", "It is left.", sides, 1), ("right", "<answer>B</answer>", sides, 1), ("D", "\\boxed{\\text{Below}}", sides, 1), ("A", "\\boxed{\\text{left, right}}", sides, 0), ("A", "\\boxed{\\text{not left}}", sides, 0),
    ("B", "\\boxed{0.5}", ["1/3", "1/2", "2/3", "3/4"], 1), ("B", "\\boxed{\\frac{2}{4}}", ["1/3", "1/2", "2/3", "3/4"], 1), ("A", "\\boxed{0.5}", ["1/3", "1/2", "2/3", "3/4"], 0), ("C", "\\boxed{2\\sqrt{3}}", ["\\sqrt{3}", "3", "\\sqrt{12}", "4"], 1), ("C", "\\boxed{\\sqrt{3}}", ["\\sqrt{3}", "3", "\\sqrt{12}", "4"], 0),
    ("A,C", "\\boxed{C, A}", lengths, 1), ("ACD", "\\boxed{A, C, D}", lengths, 1), ("A;C", "\\boxed{A and C}", lengths, 1), ("A,C", "\\boxed{10 cm, 14 cm}", lengths, 1), ("A,C", "\\boxed{A}", lengths, 0), ("A,C", "\\boxed{A, B, C}", lengths, 0), ("AC", "\\boxed{10 cm}", lengths, 0), ("A,C", "\\boxed{10 cm, 12 cm}", lengths, 0),
    ("B", "\\boxed{B}", {"A": "1", "B": "2"}, 1), ("B", "\\boxed{2}", {"A": "1", "B": "2"}, 1), ("B", "\\boxed{1}", {"A": "1", "B": "2"}, 0), ("A", "\\boxed{0.5}", {"A": "1/2", "B": "0.5", "C": "3"}, 0), ("A", "\\boxed{12}", ["12 cm", "12 m", "3 cm"], 0), ("D", "\\boxed{\\text{None of the above}}", ["1", "2", "3", "none of the above"], 1),
    ("A", "The answer is **A. The bar on the left is higher**.", ["The bar on the left is higher", "The bar on the right is higher"], 1), ("A", "The bar on the left is higher", ["The bar on the left is higher", "The bar on the right is higher"], 1), ("B", "\\boxed{\\text{The bar on the left is higher}}", ["The bar on the left is higher", "The bar on the right is higher"], 0),
    ("E", "\\boxed{E}", ["1", "2", "3", "4", "5"], 1), ("K", "\\boxed{K}", [str(k) for k in range(12)], 1), ("1", "\\boxed{B}", lengths, 0), ("13 cm", "\\boxed{B}", lengths, 0),
]:
    case("choices given", gold, response, expected, choices)

# Boxes one after another.
for gold, response, expected in [
    ("A", "\\boxed{A} fits best, and the final answer is \\boxed{A}.", 1), ("A", "\\boxed{A} and the final answer is \\boxed{A}", 1), ("5", "\\boxed{5} or \\boxed{5}", 1), ("5", "\\boxed{5} and so \\boxed{5}", 1), ("\\frac{1}{2}", "\\boxed{\\frac{1}{2}} or \\boxed{0.5}", 1), ("2\\sqrt{3}", "\\boxed{\\sqrt{12}}, or \\boxed{2\\sqrt{3}}", 1),
    ("5", "\\boxed{3}, corrected to \\boxed{5}", 1), ("5", "\\boxed{3}, or rather \\boxed{5}", 1), ("5", "\\boxed{3}, wait, no, and so \\boxed{5}", 1), ("5", "\\boxed{3} and then I corrected it to \\boxed{5}", 1), ("5", "I had \\boxed{3}. It is \\boxed{5}.", 1), ("5", "\\boxed{3} is wrong, and the correct answer is \\boxed{5}", 1), ("yes", "\\boxed{yes} and finally \\boxed{Yes}", 1), ("12", "\\boxed{12} and the answer is \\boxed{12\\text{ cm}}", 1),
    ("3, 5", "\\boxed{3} and \\boxed{5}", 1), ("3,5", "\\boxed{5}, \\boxed{3}", 1), ("x=3, y=5", "$x = \\boxed{3}$, $y = \\boxed{5}$", 1), ("3, 5", "\\boxed{3} \\text{ and } \\boxed{5}", 1), ("\\{1,2\\}", "\\boxed{1} or \\boxed{2}", 1), ("B", "\\boxed{B}\n\nThe final answer is \\boxed{B}", 1), ("7", "$\\boxed{7}$ $\\boxed{7}$", 1), ("A, C", "\\boxed{A} and \\boxed{C}", 1),
    ("3", "\\boxed{3}, corrected to \\boxed{5}", 0), ("3", "\\boxed{3} and \\boxed{5}", 0), ("5", "\\boxed{3} and \\boxed{5}", 0), ("5", "\\boxed{3} or \\boxed{5}", 0), ("A", "\\boxed{A} and the final answer is \\boxed{B}", 0), ("3", "\\boxed{3}, wait, no, and so \\boxed{5}", 0), ("5", "\\boxed{5} or rather \\boxed{}", 0), ("3, 5", "\\boxed{3}, corrected to \\boxed{5}", 0), ("3, 5", "\\boxed{5}", 0), ("5", "\\boxed{5}, \\boxed{6}", 0), ("5", "\\boxed{5} is wrong.", 0),
    ("3", "\\boxed{3}, and the final answer is \\boxed{5}", 0), ("\\frac{1}{2}", "\\boxed{\\frac{1}{2}} or \\boxed{0.6}", 0), ("A", "\\boxed{A} or \\boxed{B}", 0), ("yes", "\\boxed{yes} or \\boxed{no}", 0), ("12", "\\boxed{12} and \\boxed{12\\text{ cm}} and \\boxed{13}", 0),
]:
    case("boxes one after another", gold, response, expected)

# Tags.
for gold, answer in [("3", "3"), ("yes", "yes."), ("x=2", "x = 2"), ("\\frac12", "\\frac{1}{2}"), ("C", "C"), ("12", "12 cm"), ("145°", "145°"), ("red", "Red"), ("(1,2)", "(1, 2)"), ("7", "\\boxed{7}"), ("7", "$7$"), ("5", "The answer is 5."), ("1,234", "1234"), ("left", " left ")]:
    for form in [f"<answer>{answer}</answer>", f"<think>Let me see: 8, 9.</think><answer>{answer}</answer>", f"<think>a</think>\n<answer>\n{answer}\n</answer>", f"I think <answer>{answer}</answer>"]:
        case("answer tags", gold, form, 1)
        case("answer tags", f"<answer> {gold} </answer>", form, 1)
    case("answer tags", gold, f"<think>{answer}</think><answer>99</answer>", 0)
    case("answer tags", gold, f"<answer>{answer}</answer> No: <answer>99</answer>", 0)
    case("answer tags", gold, f"<think>It is {answer}</think><answer>{answer}", 0)
    case("answer tags", gold, "<answer></answer>", 0)

# Boxes as models write them.
for gold, response in [
    ("7", "\\boxed 7"), ("7", "\\boxed7"), ("12", "$\\boxed 12$"), ("-7", "\\boxed -7"), ("\\frac{1}{2}", "\\boxed\\frac{1}{2}"), ("7", "So $\\boxed 7$."), ("7", "\\boxed {7}"), ("7", "\\boxed\n{7}"), ("7", "\\boxed{\\(7\\)}"), ("7", "\\boxed{$7$}"), ("7", "\\boxed{\\textcolor{red}{7}}"), ("7", "\\boxed{\\color{blue}{7}}"), ("7", "\\boxed{\\color{blue} 7}"),
    ("7", "\\boxed{{\\color{red} 7}}"), ("7", "\\boxed{\\underline{7}}"), ("7", "\\boxed{\\begin{aligned}7\\end{aligned}}"), ("7", "\\boxed{\\begin{aligned} x &= 3 + 4 \\\\ &= 7 \\end{aligned}}"), ("7", "\\boxed{\\large 7}"), ("7", "\\boxed{\\mathbf{7}}"), ("7", "\\boxed{\\boldsymbol{7}}"), ("7", "\\boxed{**7**}"), ("7", "\\boxed{\\text{7 units}}"), ("7", "\\boxed{7 \\text{ cm}}"), ("7", "\\boxed{7}\\text{ cm}"), ("7", "\\boxed{7}\\,\\text{cm}"),
    ("7", "\\fbox{7}"), ("7", "\\framebox{7}"), ("7", "\\boxed{\\boxed{7}}"), ("7", "\\boxed{x = 7}"), ("7", "\\boxed{x=3+4=7}"), ("7", "\\boxed{7.}"), ("7", "\\boxed{ 7 }"), ("7", "\\boxed{\\text{seven}}"), ("1000000", "\\boxed{1\\,000\\,000}"), ("\\sqrt{2}", "\\boxed{\\sqrt{2} \\approx 1.414}"), ("1.414", "\\boxed{\\sqrt{2} \\approx 1.414}"), ("5.2", "\\boxed{\\approx 5.2}"),
    ("\\frac{7}{2}", "\\boxed{3 1/2}"), ("7", "\\boxed{\\displaystyle 7}"), ("7", "\\[\\boxed{7}\\]"), ("90^\\circ", "\\boxed{90}^\\circ"), ("7", "\\boxed{7\\hspace{1em}}"), ("7", "\\boxed{\\phantom{0}7}"),
]:
    case("boxes as they are written", gold, response, 1)
    case("boxes as they are written", "8", response, 0)
for gold, response in [("7", "\\boxed{7}\\text{ or more}".replace("}\\text", " \\text") + "}"), ("1", "\\boxed 12"), ("7 \\text{ m}", "\\boxed{7}\\text{ cm}"), ("70", "\\boxed7"), ("\\frac{1}{2}", "\\boxed\\frac{1}{3}"), ("2", "\\boxed\\frac{1}{2}"), ("7", "\\boxed{\\textcolor{red}{}}"), ("7", "\\boxed{\\phantom{7}}"), ("7", "\\boxed{}"), ("7", "\\boxed{\\begin{aligned} 7 \\\\ 8 \\end{aligned}}")]:
    case("boxes as they are written", gold, response, 0)

# Cut in the answer, or in the thoughts.
for gold in ["12", "\\frac{1}{2}", "B", "yes", "x=3"]:
    for response in ["First \\boxed{%s}. Wait, I count again and get \\boxed{15", "First \\boxed{%s}. Then \\boxed{", "<think>maybe \\boxed{%s}</think> The answer is \\boxed{\\frac{1}{2", "\\boxed{%s} no: \\boxed{\\frac{3}{4}", "\\boxed{%s", "\\boxed{%s} and \\fbox{15", "<think>guess \\boxed{%s}, then I count", "<think>maybe \\boxed{%s} or something else, let me see", "<think>a</think><answer>%s", "<answer>%s</answer> no, <answer>1",
                     "\\boxed{%s}. Check: \\boxed{\\text{the answer is 1", "\\boxed{%s} \\boxed", "The box \\boxed{%s} becomes \\boxed{\\{3, 4\\}", "<think>the answer is %s", "<think>The answer is %s. Let me check"]:
        if response != "\\boxed{%s} \\boxed":
            case("cut responses", gold, response % gold, 0)
    for response in ["\\boxed{15}. No: \\boxed{%s}", "<think>a \\boxed{15</think>\\boxed{%s}", "<think>so \\boxed{%s}</think>", "<think>\\boxed{3}</think> \\boxed{%s}"]:
        case("cut responses", gold, response % gold, 1)

# Full-width and Chinese notation.
wide = str.maketrans({chr(k): chr(k + 0xFEE0) for k in range(0x21, 0x7F)})
for n in [12, 305, 48]:
    boxed("full-width and Chinese", [(str(n), str(n).translate(wide)), (str(n).translate(wide), str(n)), (f"{n}cm", f"{n}厘米"), (f"{n}平方厘米", f"{n}\\text{{ cm}}^2"), (f"{n}", f"{n}元"), (f"{n}", f"{n}个"), (f"{n}度", f"{n}^\\circ"), (f"{n}°", f"{n}度"), (f"{n}米", f"{100 * n}厘米"), (f"{n}\\%", f"{n}％"), (f"{n}", f"{n}。"), (f"x={n}", f"x＝{n}"), (f"x>{n}", f"x＞{n}"), (f"{n}", f"{n}\\text{{平方米}}"), (f"{n}千克", f"{n}\\text{{ kg}}"),
                                      (f"{n}立方米", f"{n}\\text{{ m}}^3"), (f"{n}+\\sqrt{{2}}", f"{n}＋\\sqrt{{2}}"), (f"(1,{n})", f"（1，{n}）"), (f"{n}，5", f"5, {n}"), (f"{n}、5", f"{n}, 5"), (f"\\{{1,{n}\\}}", f"｛1，{n}｝"), (f"{n}.5", f"{n}．5"), (f"{n}:7", f"{n}：7"), (f"x=1或x={n}", f"x={n} \\text{{ or }} x=1"), (f"{n}km/h", f"{n}千米/时"), (f"{n}{'0' * 4}", f"{n}万"), (f"{n}", f"{n}\\text{{分钟}}"), (f"{n}㎝", f"{n}\\text{{ cm}}"), (f"{n}㎡", f"{n}\\text{{ m}}^2")], 1)
    boxed("full-width and Chinese", [(str(n), str(n + 1).translate(wide)), (f"{n}cm", f"{n}米"), (f"{n}平方厘米", f"{n}立方厘米"), (f"{n}平方厘米", f"{n}厘米"), (f"{n}\\%", f"{n + 1}％"), (f"x>{n}", f"x＜{n}"), (f"x>{n}", f"x≥{n}"), (f"{n}、5", f"{n}"), (f"{n}千克", f"{n}克"), (f"{n}元", f"{n}米"), (f"{n}", f"{n}万"), (f"{n}度", f"{n}米"), (f"(1,{n})", f"（{n}，1）"), (f"{n}：7", f"7：{n}")], 0)
    for response in [f"答案是{n}。", f"答案：{n}", f"所以答案为 {n} 。", f"所以面积为{n}平方厘米。", f"故答案为：{n}", f"综上，结果是{n}。", f"因此一共有{n}个。", f"<answer>{n}</answer>", f"解：由题意得，$x={n}$。", f"答案应该是{n}米。"]:
        case("full-width and Chinese", str(n), response, 1)
        case("full-width and Chinese", str(n + 1), response, 0)
for letter, other in ["BC", "AD"]:
    for response in [f"答案：{letter}", f"综上，正确答案为 {letter}。", f"故选{letter}。", f"故选：{letter}", f"所以选{letter}", f"答案是（{letter}）。", f"选项{letter}正确。", f"\\boxed{{选项{letter}}}", f"因此，答案选 {letter}。", f"{letter}．", f"（{letter}）"]:
        case("full-width and Chinese", letter, response, 1)
        case("full-width and Chinese", other, response, 0)
boxed("full-width and Chinese", [("正确", "正确。"), ("红色", "\\text{红色}"), ("锐角三角形", "锐角三角形"), ("红色和蓝色", "蓝色、红色"), ("是", "是。")], 1)
boxed("full-width and Chinese", [("正确", "错误"), ("红色", "蓝色"), ("锐角三角形", "直角三角形"), ("不变", "变"), ("是", "不是")], 0)

# Wrong answers that once were, or could be, taken for right.
for n in [5, 12, 30]:
    boxed("nearly said", [(f"{n}", f"{n - 2} = {n}"), (f"{n}", f"x = {n - 1} = {n}"), (f"x={n}", f"x={n}={n + 1}"), (f"{n}", f"{n} \\text{{ or more}}"), (f"{n}", f"{n} or more"), (f"{n}", f"\\text{{at least }} {n}"), (f"{n}", f"\\text{{more than }} {n}"), (f"{n}", f"\\text{{less than {n}}}"), (f"{n}\\text{{ cm}}", f"{n} \\text{{ apples}}"), (f"{n}\\text{{ cm}}", f"{n} apples"), (f"{n} apples", f"{n}\\text{{ cm}}"), (f"{n}", f"{n} \\text{{ is wrong, it is }} 6"),
                          (f"{n}", f"\\geq {n}"), (f"{n}", f"{n} \\ne {n}"), (f"{n}", f"4 - {n}"), (f"{n}", f"{n}x"), (f"{n}", f"{n} \\text{{ out of }} 50"), (f"{n}", f"{n} \\text{{ to }} 50"), (f"{n}", f"{n} \\text{{ thousand}}"), (f"{n}", f"{n} million"), (f"{n}", f"{n} \\text{{ squared}}"), (f"{n}", f"{n} \\text{{ halves}}"), (f"{n}", f"\\text{{not }} {n}"), (f"{n}\\text{{ cm}}", f"{n}\\text{{ kg}}"), (f"{n}\\text{{ cm}}^2", f"{n}\\text{{ units}}^3"),
                          (f"{n}", f"{n}!"), (f"{n}", f"{n} > 3"), (f"{n}", f"{n}, \\text{{ or }} 7"), (f"{n}", f"{n}i"), (f"{n}", f"{n}^\\circ C + 1"), (f"{n}", f"{n} or so"), (f"{n}", f"{n}+"), (f"{n}", f"{n} \\pm 1"), (f"{n}", f"{n} - {n + 1}"), (f"{n}", f"{n}, {n + 1}"), (f"{n}", f"{n}:{n + 1}"), (f"{n}", f"{n} \\text{{ with remainder }} 3"), (f"{n}", f"1 {n}"), (f"{n}", f"{n} 0"), (f"{n} \\text{{ m/s}}", f"{n} \\text{{ km/h}}"), (f"{n}^\\circ", f"{n}\\text{{ rad}}")], 0)
    boxed("nearly said", [(f"{n}", f"{n - 2} + 2 = {n}"), (f"{n}", f"x = {n - 1} + 1 = {n}"), (f"{n}", f"{n} \\text{{ apples}}"), (f"{n}", f"{n} apples"), (f"{n}", f"{n} red balls"), (f"{n}\\text{{ cm}}", f"{n}\\text{{ units}}"), (f"{n}\\text{{ apples}}", f"{n}"), (f"{n} apples", f"{n} \\text{{ apples}}"), (f"{n}000", f"{n} \\text{{ thousand}}"), (f"{n}:7", f"{n} \\text{{ to }} 7"), (f"{n}", f"n = {n}"), (f"{n}^\\circ", f"{n} degrees"), (f"{n}", f"{n}\\text{{ square units}}"),
                          (f"{36 * n} \\text{{ km/h}}", f"{10 * n} \\text{{ m/s}}"), (f"({n},2)", f"A({n}, 2)"), (f"{n} \\text{{ L}}", f"{1000 * n} \\text{{ cm}}^3")], 1)
boxed("nearly said", [("12", "1 2"), ("2", "1 2"), ("123", "1 2 3"), ("123", "12 3"), ("1.5", "1 .5"), ("12", "1 \\, 2"), ("x_1", "x_2"), ("(1,2)", "(1 2)"), ("A(1,2)", "B(1,2)"), ("10:30", "1:30"), ("n=3,4,5", "n=2,3,4"), ("3.5\\%", "35\\%"), ("\\frac{1}{1000!}", "\\frac{1}{1001!}"), ("5", "\\text{five or six}"), ("5", "\\text{fifty}"), ("[1,2]", "[1 2]")], 0)
boxed("nearly said", [("12 000", "12000"), ("1234567", "1 234 567"), ("\\frac{5}{2}", "2 1/2"), ("\\frac{5}{2}", "2\\frac{1}{2}"), ("6", "2 \\cdot 3"), ("x y", "xy"), ("5", "\\text{five}"), ("(1,2)", "P(1,2)")], 1)

# A command's backslash that JSON took.
for gold, answer in [("\frac{1}{2}", "\\frac{1}{2}"), ("2 \times 10^3", "2 \\times 10^3"), ("3\theta", "3\\theta"), ("\tan 30", "\\tan 30"), ("\text{yes}", "yes"), ("\beta", "\\beta"), ("\binom{5}{2}", "10"), ("\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)"), ("x \neq 3", "x \\ne 3"), ("\nu", "\\nu"), ("\rho", "\\rho"), ("\left(1, 2\right)".replace("\\l", "\\l"), "(1,2)"), ("\alpha", "\\alpha"), ("\x0barphi", "\\varphi"),
                     ("-\frac{3}{4}", "-0.75"), ("5 \text{ cm}", "5\\text{ cm}"), ("\frac{\sqrt{3}}{2}".replace("\\s", "\\s"), "\\frac{\\sqrt{3}}{2}"), ("x = \tau", "\\tau"), ("\triangle ABC", "\\triangle ABC"), ("2\frac{1}{3}", "\\frac{7}{3}"), ("\bar{x}", "\\bar{x}"), ("3 \to 5".replace("\to", "\times"), "15"), ("\frac{a}{b}", "\\frac{a}{b}"), ("\tfrac12", "0.5"), ("\frac12\pi".replace("\\p", "\\p"), "\\frac{\\pi}{2}")]:
    boxed("a lost backslash", [(gold, answer)], 1)
    boxed("a lost backslash", [(gold, "17")], 0)

# Decimals that a program printed.
import struct

for value in [0.1, 3.14, 2.7, 0.3, 12.34, 1.1, 0.7, 99.9, 5.6, 0.001]:
    single = repr(struct.unpack("f", struct.pack("f", value))[0])
    boxed("printed floats", [(single, repr(value)), (repr(value), single)], 1)
    boxed("printed floats", [(single, repr(round(value + 0.01, 6))), (repr(value), repr(round(value * 1.0001, 9))), (repr(value), repr(value) + "0001")], 0)
boxed("printed floats", [("0.3", "0.30000000000000004"), ("\\frac{1}{3}", "0.3333333432674408"), ("\\sqrt{2}", "1.4142135623730951"), ("0.30", "0.3"), ("2.50", "2.5"), ("4.123105625617661", "4.12311")], 1)
boxed("printed floats", [("0.5", "0.5000001"), ("0.5", "0.50000010000000001"), ("1.5", "1.50001"), ("3.14", "3.14159"), ("0.333", "0.333333"), ("4.123105625617661", "4.12"), ("2.5", "2.51")], 0)

# As models answer, and as datasets give golds.
for gold, response, expected in [
    ("A", "\\boxed{\\textbf{A}}", 1), ("A", "The correct answer is option A: 12.", 1), ("A", "Answer: A. 12", 1), ("A", "So the answer is **(A) 12 cm**.", 1),
    ("A", "Thus, the correct choice is **A**.", 1), ("A", "The answer is:\n\n**A**", 1), ("A", "Based on the image, the answer is A", 1), ("A", "A: The bar is higher", 1), ("A", "A) 12", 1),
    ("A", "A、12", 1), ("A", "Answer is A", 1), ("A", "the answer is A)", 1), ("A", "Correct answer: A", 1), ("A", "The final answer is: $\\boxed{A}$", 1), ("A", "The final answer is $A$", 1),
    ("A", "Therefore, the correct answer is **A**: the ball.", 1), ("A", "The correct answer is:\n\nA. 12 cm", 1), ("A", "Hence, (A) is the correct answer.", 1), ("A", "Hence (A).", 1),
    ("A", "Thus, A.", 1), ("A", "\\boxed{\\text{A. 12}}", 1), ("A", "\\boxed{A.}", 1), ("A", "\\boxed{(A) 12}", 1), ("A", "\\boxed{\\text{The answer is A}}", 1),
    ("A", "\\boxed{\\text{A} \\quad 12}", 1), ("A", "\\boxed{\\mathbf{(A)}\\ 12}", 1), ("A", "\\boxed{\\textbf{(A)}~12}", 1), ("A", "\\boxed{\\textbf{(A)}\\ \\text{Only I}}", 1),
    ("A", "After considering all, A seems right but B is the answer", 0), ("B", "The answer could be A or B", 0), ("A", "The answer is A/B", 0), ("A", "A or B", 0), ("A", "A & B", 0),
    ("A", "A and B", 0), ("B", "\\boxed{A} is incorrect, so \\boxed{B}", 1), ("A", "\\boxed{A} is incorrect, so \\boxed{B}", 0), ("145", "The measure of angle is $145^\\circ$.", 1),
    ("145", "$m\\angle A = 145$", 1), ("145", "m∠A = 145°", 1), ("\\angle A=145°", "145", 1), ("30", "x = 30°, so the answer is 30°", 1), ("3.2", "\\boxed{3.2 \\text{ units}}", 1),
    ("3.2", "\\boxed{3.20}", 1), ("3.2", "\\boxed{3.2\\,\\mathrm{cm}}", 1), ("2\\sqrt{221}", "\\boxed{2 \\sqrt{221}}", 1), ("\\frac { 3 } { 5 }", "\\boxed{\\frac{3}{5}}", 1),
    ("\\frac { 1 } { 2 } x + 2", "\\boxed{\\dfrac{1}{2}x + 2}", 1), ("50\\sqrt{3}", "\\boxed{50\\sqrt 3}", 1), ("108", "\\boxed{108^{\\circ}}", 1), ("120°", "\\boxed{120}", 1),
    ("60^{\\circ}", "60°", 1), ("4:9", "\\boxed{\\frac{4}{9}}", 1), ("4:9", "\\boxed{4 : 9}", 1), ("4∶9", "\\boxed{4:9}", 1), ("(3,-1)", "\\boxed{(3, -1)}", 1), ("(3,-1)", "\\boxed{x=3, y=-1}", 1),
    ("x<2", "\\boxed{x \\lt 2}", 1), ("x≤2", "\\boxed{(-\\infty, 2]}", 1), ("-1<x<3", "\\boxed{(-1,3)}", 1), ("k>-1 and k≠0", "\\boxed{k>-1 \\text{ and } k \\neq 0}", 1),
    ("k>-1且k≠0", "\\boxed{k>-1 \\text{ and } k\\ne 0}", 1), ("y=2x+1", "\\boxed{y = 2x + 1}", 1), ("①③", "\\boxed{①③}", 1), ("①③", "\\boxed{③①}", 1), ("①③④", "\\boxed{①③}", 0),
    ("①②", "\\boxed{① and ②}", 1), ("①②", "\\boxed{①、②}", 1), ("II, III", "\\boxed{II and III}", 1), ("(1), (3)", "\\boxed{(1) \\text{ and } (3)}", 1), ("75%", "\\boxed{75\\%}", 1),
    ("0.75", "\\boxed{75\\%}", 1), ("75", "75%", 1), ("$12.50", "\\boxed{12.5}", 1), ("$12.50", "\\boxed{\\$12.50}", 1), ("12.5", "$12.50", 1), ("£5", "5", 1), ("3:45", "\\boxed{3:45}", 1),
    ("8:00", "\\boxed{8:00 \\text{ AM}}", 1), ("2019", "\\boxed{2019}", 1), ("January", "\\boxed{January}", 1), ("1,200", "\\boxed{1200}", 1), ("-2 °C", "\\boxed{-2}", 1),
    ("25°C", "\\boxed{25^\\circ\\text{C}}", 1), ("25 °C", "25 degrees Celsius", 1), ("H2O", "\\boxed{H_2O}", 1), ("CO2", "\\boxed{CO_2}", 1), ("AB", "\\boxed{BA}", 1),
    ("AB=CD", "\\boxed{CD = AB}", 1), ("\\triangle ABC", "\\boxed{\\triangle ABC}", 1), ("∠ABC", "\\boxed{\\angle ABC}", 1), ("AB∥CD", "\\boxed{AB \\parallel CD}", 1),
    ("AB⊥CD", "\\boxed{AB \\perp CD}", 1), ("isosceles right triangle", "\\boxed{\\text{isosceles right triangle}}", 1), ("an isosceles right triangle", "It is an isosceles right triangle.", 1),
    ("Apple", "The answer is Apple.", 1), ("Apple", "\"Apple\"", 1), ("two", "2", 1), ("2", "Two", 1), ("2", "two.", 1), ("no", "\\boxed{\\text{No.}}", 1),
    ("Yes", "\\boxed{\\text{Yes, since } 3>2}", 1), ("True", "\\boxed{\\text{True}}", 1), ("12", "Therefore the total is 7 + 5 = 12.", 1), ("12", "So, 7+5=\\boxed{12}", 1),
    ("12", "The answer is $\\boxed{12}$ apples", 1), ("12", "$$12$$", 1), ("12", "= 12", 1), ("12", "\\boxed{=12}", 1), ("12", "x=12 cm", 1), ("x=12", "12", 1),
    ("12", "\\boxed{12\\ \\mathrm{cm}}", 1), ("12", "\\boxed{12cm}", 1), ("12cm", "\\boxed{12 cm}", 1), ("12 m", "\\boxed{12\\text{ cm}}", 0), ("12", "12 is not the answer", 0),
    ("12", "\\boxed{\\text{more than } 12}", 0), ("12", "\\boxed{12?}", 1), ("12", "\\boxed{12}?", 1), ("x^2", "\\boxed{x^{2}}", 1), ("x²", "\\boxed{x^2}", 1), ("√3", "\\boxed{\\sqrt{3}}", 1),
    ("2√3", "\\boxed{2\\sqrt{3}}", 1), ("√(3)/2", "\\boxed{\\frac{\\sqrt{3}}{2}}", 1), ("π/4", "\\boxed{\\frac{\\pi}{4}}", 1), ("3π", "\\boxed{3\\pi}", 1), ("1/2", "\\boxed{½}", 1),
    ("10⁵", "\\boxed{10^5}", 1), ("36π cm²", "\\boxed{36\\pi}", 1), ("36π cm²", "\\boxed{36\\pi \\text{ cm}^2}", 1), ("8 cm", "\\boxed{8}", 1), ("8 cm", "\\boxed{8\\text{ cm}}", 1),
    ("8 cm or 10 cm", "\\boxed{8 \\text{ cm or } 10 \\text{ cm}}", 1), ("8 or 10", "\\boxed{8\\text{ or }10}", 1), ("8或10", "\\boxed{8, 10}", 1), ("8或10", "\\boxed{8}", 0),
    ("20°或80°", "\\boxed{20^\\circ \\text{ or } 80^\\circ}", 1), ("20° or 80°", "\\boxed{80}", 0), ("y=-\\frac{3}{x}", "\\boxed{y=-\\dfrac{3}{x}}", 1), ("a=2,b=3", "\\boxed{a=2, b=3}", 1),
    ("a=2,b=3", "\\boxed{a=3, b=2}", 0), ("2,3", "\\boxed{a=2, b=3}", 1), ("increase", "\\boxed{\\text{Increase}}", 1), ("increases", "The brightness increases", 0), ("greater than", "\\boxed{>}", 0),
    (">", "\\boxed{>}", 1), ("<", "\\boxed{>}", 0), ("=", "\\boxed{=}", 1), ("left", "\\boxed{\\rightarrow}", 0), ("5", "\\boxed{5}\\text{ or more}", 0), ("5", "The answer is 5 or 6", 0),
    ("5", "5 or 6", 0), ("5", "between 5 and 6", 0), ("5", "\\boxed{5-6}", 0), ("5", "5 and 6", 0), ("5", "There are 5 red and 6 blue balls.", 0), ("6", "There are 5 red and 6 blue balls.", 1),
    ("\\frac{3}{4}", "0.75", 1), ("0.33", "\\frac{1}{3}", 0), ("0.3333333", "\\frac13", 1), ("left", "\\boxed{\\text{Left side}}", 0), ("Left side", "\\boxed{left side}", 1),
    ("4 m/s", "\\boxed{4 \\text{ m/s}}", 1), ("4 m/s", "\\boxed{4\\,\\mathrm{m/s}}", 1), ("4 m/s^2", "\\boxed{4 \\text{ m/s}^2}", 1), ("4 m/s²", "\\boxed{4}", 1),
    ("4 m/s", "\\boxed{4 \\text{ m/s}^2}", 0), ("10 N", "\\boxed{10 \\text{ N}}", 1), ("10 Ω", "\\boxed{10\\,\\Omega}", 1), ("1.5 V", "1.5", 1), ("2 kg", "\\boxed{2000 \\text{ g}}", 1),
]:
    case("as models answer", gold, response, expected)
