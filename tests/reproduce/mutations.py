"""Ways to damage a chapter file.

What is damaged is the recorded chapter if it is here, else a file of the same shape, drawn from the
numbers that come with the package.
"""

import io
import json
import re
from pathlib import Path

import matplotlib
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas

from gluonbook_ch7.reproduce.record import load_recorded

CHAPTER = Path(__file__).resolve().parents[3] / "shared" / "book" / "rmsprop.md"

# --- What is damaged ----------------------------------------------------------------------------


def the_chapter():
    """Return the recorded chapter's bytes, or those of the made one."""
    return CHAPTER.read_bytes() if CHAPTER.exists() else made_chapter()


def made_chapter():
    """Return a chapter with the recorded numbers, drawn anew."""
    parts = ["# RMSProp\n\n我们在[“动量法”](momentum.md)一节里 $\\boldsymbol{s}_t$\n"]
    for number, cell in enumerate(load_recorded().cells, start=1):
        outputs = [{"name": "stdout", "output_type": "stream", "text": cell.text}]
        for figure in cell.figures:
            data = {"image/svg+xml": drawn(figure), "text/plain": "<Figure size 252x180>"}
            outputs.append({"data": data, "metadata": {}, "output_type": "display_data"})
        parts += [
            f"```{{.python .input  n={number}}}\nprint({number})\n```",
            f"```{{.json .output n={number}}}\n{json.dumps(outputs, indent=1)}\n```",
            "## 小结\n\n$$\\boldsymbol{s}_t \\leftarrow \\gamma \\boldsymbol{s}_{t-1}.$$\n",
        ]
    return "\n\n".join(parts).encode()


def drawn(figure, fonttype="path"):
    """Return a decoded figure as the SVG that today's Matplotlib writes of it."""
    canvas = Canvas(figsize=(3.5, 2.5))
    (axes,) = figure.axes
    panel = canvas.subplots()
    for line in axes.polylines:
        panel.plot(*line.vertices.T, color=line.color, marker="o" if line.marker else "")
    panel.set(xlabel=axes.x_label, ylabel=axes.y_label)
    written = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": fonttype, "path.simplify": False}):
        canvas.savefig(written, format="svg")
    return written.getvalue()


# --- Damage to bytes ----------------------------------------------------------------------------

BITS = [
    *(b"```", b"~~~", b"````", b"```{.python .input n=1}\n", b"```{.json .output n=1}\n"),
    *(b"{.input", b".output}", b"n=", b"n=" + b"9" * 5000, "n=٣".encode(), b"n=-1", b"%", b"$$"),
    *(b"\n", b"\r\n", b"\r", b"\n\n\n", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80"),
    *("\u2028".encode(), "\u2212".encode(), b"\x0c", b"\x1b[31m", b"\\ud800", b"\\u0000", b"\\"),
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"[]", b"{}", b"null", b"true", b"-1", b"1e999"),
    *(b"NaN", b"-Infinity", b"9" * 5000),
    *(b'"text"', b'"data"', b'"output_type"', b'"stream"', b'"display_data"', b'"error"'),
    *(b'"image/png"', b'"image/svg+xml"', b'"text/html"', b'"name"', b'"stderr"'),
    *(b"<", b">", b"&", b"&amp;", b"&lol;", b"&#0;", b"&#xD800;", b"<!-- 1 -->", b"</g>", b"<g>"),
    *(b"<!DOCTYPE svg [<!ENTITY lol 'lol'>]>", b"<?xml version='1.1' encoding='utf-16'?>"),
    *(b"nan", b"inf", b"1e308", b"-1e308", b"1e-320", b"0", b"M ", b"z", b"L ", b"C 0 0 0 0 0 0"),
]
NUMBERS = (b"0", b"1", b"-7.25", b"12", b"98.6", b"3e2", b"0.000001", b"1e308", b"1e-320", b"nan")
LANDMARKS = (b"```", b'"', b"[", b"{", b"<", b' d="', b" x=", b"id=", b"<!--", b"\n", b"n=")

places = st.integers(0, 2**20)
KINDS = ("number", "flip", "delete", "insert", "overwrite", "duplicate", "truncate", "replace")
mutations = st.tuples(
    st.sampled_from([*KINDS, "number", "number"]),
    st.sampled_from([None, *LANDMARKS]),
    places,
    st.one_of(st.integers(1, 8), places),
    st.sampled_from(BITS),
)
damages = st.lists(mutations, min_size=1, max_size=4)


def damaged(content, damage):
    """Return bytes with every mutation of a damage done to them, in order."""
    for mutation in damage:
        content = mutated(content, *mutation)
    return content


def mutated(content, kind, landmark, where, size, bit):
    """Return bytes with one mutation, somewhere or at a landmark."""
    at = where % (len(content) + 1)
    if landmark:
        at = max(content.find(landmark, at), 0)
    end = min(at + size % 5000, len(content))
    chunk = content[at:end]
    if kind == "flip":
        flipped = bytes(byte ^ (1 << size % 8) for byte in content[at : at + 1])
        return content[:at] + flipped + content[at + 1 :]
    if kind == "number":
        new = NUMBERS[size % len(NUMBERS)]
        return content[:at] + re.sub(rb"-?\d+(\.\d+)?", new, content[at:], count=1)
    if kind == "delete":
        return content[:at] + content[end:]
    if kind == "insert":
        return content[:at] + bit + content[at:]
    if kind == "overwrite":
        return content[:at] + bit + content[at + len(bit) :]
    if kind == "duplicate":
        return content[:at] + chunk + content[at:]
    if kind == "truncate":
        return content[:at]
    return content.replace(landmark or chunk or b"\n", bit, 1 + size % 3)


# --- Damage to JSON as a tree -------------------------------------------------------------------

# Written out as JSON, because some of it is more than Python would write.
ODD_VALUES = [
    *(
        "null",
        "true",
        "false",
        "0",
        "-1",
        "3.0",
        "0.25",
        "0.5",
        "1e300",
        "1e999",
        "NaN",
        "-Infinity",
        "9" * 400,
    ),
    *("9" * 5000, '""', '"x"', '"\\ud800"', '"\\u0000"', '"\\n"', "[]", "{}", "[[]]", "[null]"),
    *('["a",1]', '{"":{}}', '{"image/png":5}', '{"text/plain":{}}', '{"text/plain":["1"]}'),
    *('["1","2"]', "[1,2]", "[1e999]"),
    *('"code"', '"markdown"', '"raw"', '"stream"', '"error"', '"display_data"', '"pyout"'),
]
ODD_KEYS = [
    "",
    "data",
    "text",
    "output_type",
    "image/png",
    "image/svg+xml",
    "text/html",
    "id",
    "\0",
]

tree_mutations = st.tuples(
    st.sampled_from(["replace", "replace", "delete", "duplicate", "rename", "add", "swap"]),
    places,
    st.sampled_from(ODD_VALUES),
    st.sampled_from(ODD_KEYS),
)
tree_damages = st.lists(tree_mutations, min_size=1, max_size=3)


def damaged_tree(text, damage):
    """Return JSON text with every mutation of a damage done to its tree."""
    tree = json.loads(text)
    odd = {}
    for number, (kind, where, value, key) in enumerate(damage):
        stand_in = f"odd value {number}"
        odd[json.dumps(stand_in)] = value
        slots = list(_slots(tree))
        if slots:
            _mutate_slot(*slots[where % len(slots)], kind, stand_in, key)
    text = json.dumps(tree)
    for stand_in, value in odd.items():
        text = text.replace(stand_in, value)
    return text


def _slots(tree):
    """Yield every place of a tree: the list or object that holds it, and its index or key."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from _slots(tree[key])


def _mutate_slot(holder, key, kind, value, new_key):
    if kind == "delete":
        del holder[key]
    elif kind == "duplicate" and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif kind == "rename" and isinstance(holder, dict):
        holder[new_key] = holder.pop(key)
    elif kind == "add" and isinstance(holder, dict):
        holder[new_key] = value
    elif kind == "add":
        holder.insert(key, value)
    elif kind == "swap":
        other = next(iter(holder)) if isinstance(holder, dict) else 0
        holder[key], holder[other] = holder[other], holder[key]
    else:
        holder[key] = value
