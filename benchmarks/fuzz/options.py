"""Calls of the command line, made by chance: options, places that they name, and what files of the user hold."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

_NUMBERS = ("0", "-1", "1", "2", "0.5", "nan", "inf", "-inf", "1e308", "1e-320", "1e999", "\u0661", "", "x", "1_0")
_PLACES = (
    *("photos", "photos/a.png", "photos/b.png", "photos/broken.jpg", "photos/*.png", "set", "set.zip", "broken.zip"),
    *("empty", "absent", "notes.txt", ".", "..", "link", "-", "", "scales.csv", "left", "right", "pipe", "/dev/null"),
    *("a\nb", "[red]", "\x1b[31m", "x" * 300, "--", "a\udcffb", "loop", "labels"),
)
_OUTS = (
    *("out", "out", "out", "old", "old", "photos", "photos/out", "set", ".", "..", "notes.txt", "link", "link/out"),
    *("absent/deep/out", "", "a\nb", "[red]", "x" * 300, "/dev/null", "pipe", "empty", "loop", "../beside", "out.html"),
)
_MODELS = (
    "packaged",
    "packaged",
    "packaged",
    "",
    "trained",
    "absent",
    "broken.keras",
    "notes.txt",
    "left",
    "pipe",
    ".",
)
_OPENVINO = ("--runtime", "openvino")
_WORDS = (*_NUMBERS, "auto", "fit", "several", "HEAD", "positives_iou", "pooled_iou", "onnx", "openvino", "a,b")
_SETTINGS = (
    *("data.path=x", "data.path=~/x", "train.seed=1", "train.seed=true", "nothing=1", "=", "a", "data=1", "data.path="),
    *("classes={a: [0,0,0]}", "train.epochs=1e400", "data.include=[*a]", "split.parents={'(': x}", "data.path=\x00"),
    *("train.seed=[" * 50, "evaluate={}", "data.path=!!python/object:os.system x", "model.num_layers=nan"),
)
PARAMS = "params.yaml"
_CONTENTS = {
    PARAMS: (
        "",
        "[]",
        "null",
        "a: [",
        "data: 3\n",
        "classes: 3\n",
        "data:\n  source: [1]\n",
        "\ufeffa: *b\n",
        "- - -",
    ),
    "dvc.lock": ("", "stages: []\n", "stages: 3\n", "stages: {a: 3}\n", "stages: {a: {outs: [3]}}\n", "a: ["),
    "metrics/evaluation.json": ("", "{}", "[]", '{"crack": {}}', '{"crack": {"pooled": {"iou": NaN}}}'),
    "reports/per_image.csv": ("", "stem\n1\n", "stem,group,source,iou\na,b,c,d\n", "\x00", "a,a\n1,2,3\n"),
}


class Case(NamedTuple):
    """One call.

    Attributes:
        arguments: of the command line.
        typed: what comes on standard input.
        changed: a file of the folder and its other content; "" leaves all as they are.
        alone: whether it runs as a process of its own.
    """

    arguments: list[str]
    typed: str
    changed: tuple[str, str]
    alone: bool


def strategy() -> st.SearchStrategy[Case]:
    """Calls of the commands that take files of users."""
    place, out, number = st.sampled_from(_PLACES), st.sampled_from(_OUTS), st.sampled_from(_NUMBERS)
    model, word, force = st.sampled_from(_MODELS), st.sampled_from(_WORDS), st.just([])
    common = {"--model": model, "--force": force}
    runtime = {"--runtime": st.sampled_from(["openvino", "x", "", "onnx"])}
    calls = [
        _call(
            "predict",
            st.lists(place, min_size=1, max_size=3),
            out,
            {"--mm-per-px": number, "--mm-per-px-file": place, "--distance-m": number, "--sensor-width-mm": number}
            | {"--format": st.sampled_from(["coco", "geojson,cvat", "x", ",", "labelme"]), "--scale": word}
            | {"--views": number, "--max-memory": number, "--resume": force, "--recursive": force}
            | {"--probability": force, **common, **runtime},
        ),
        # Keras takes ten times as long as OpenVINO to come up
        _call("score", place.map(lambda one: [one, *_OPENVINO]), out, {**common, "--native": force, "--json": force}),
        _call(
            "growth",
            st.tuples(place, place).map(list),
            out,
            {"--mm-per-px": number, "--max-memory": number, **common, **runtime},
        ),
        # to convert a model takes a minute: it is named, and none
        _call(
            "export", st.sampled_from(_MODELS[4:]).map(lambda one: ["--model", one]), out, {"--format": word}, "--to"
        ),
        _call(
            "compare",
            st.lists(st.one_of(st.sampled_from(["left", "right", "."]), place, word), max_size=2),
            out,
            {"--figure": word, "--history": number, "--seed-spread": number, "--markdown": force, "--json": force},
            "--html",
        ),
        _call("check", st.just([]), None, {}),
        _call("figures", st.just([]), None, {"--json": force}),
        _call(
            "profile",
            st.sampled_from(["quick", "photos", "../x", "absent", "", "a\nb", "x" * 300]).map(lambda one: [one]),
            None,
            {"--set": st.sampled_from(_SETTINGS), "--upgrade": force, "--yes": force},
        ),
    ]
    files = [(f"{side}{name}", other) for side in ("", "left/") for name, made in _CONTENTS.items() for other in made]
    changed = st.one_of(st.just(("", "")), st.sampled_from(files))
    typed = st.sampled_from(["", "photos/a.png\n", "absent\0photos/b.png\0", "\n\n", "a\x1b[2Jb\n"])
    alone = st.integers(0, 29).map(lambda one: one == 29)
    return st.builds(Case, st.one_of(calls), typed, changed, alone)


def _call(name: str, places: Any, out: Any, options: dict[str, Any], to: str = "--out") -> st.SearchStrategy[list[str]]:
    """A command with its places, and some of its options."""

    def of(drawn: tuple[list[str], str | None, list[tuple[str, Any]]]) -> list[str]:
        given, into, more = drawn
        chosen = [part for option, value in more for part in ([option] if value == [] else [option, value])]
        return [name, *given, *([] if into is None else [to, into]), *chosen]

    one = st.one_of([st.tuples(st.just(option), value) for option, value in options.items()] or [st.nothing()])
    some = st.lists(one, max_size=4, unique_by=lambda pair: pair[0]) if options else st.just([])
    into = st.none() if out is None else st.one_of(out, out, out, st.none()) if to == "--html" else out
    return st.tuples(places, into, some).map(of)
