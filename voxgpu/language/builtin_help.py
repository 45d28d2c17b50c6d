"""Help texts for commands, expression forms, literals, variables and built-in operations.

Each entry is (family, names, signatures, text). The text ends with examples; an example is a
command, or an expression followed by its value.
"""

from __future__ import annotations

_Entry = tuple[str, tuple[str, ...], tuple[str, ...], str]

_COMMANDS: tuple[_Entry, ...] = (
    (
        "command",
        ("load",),
        ("load NAME = PATH",),
        """Binds a name to the image in a file, or in a folder with one DICOM series.

A file of several volumes (4-D) is the sequence of its images.

>>> load flair = "head_flair.nii.gz"
""",
    ),
    (
        "command",
        ("let",),
        (
            "let NAME = EXPR",
            "let NAME(P, …) = EXPR",
            "let OP(P, …) = EXPR",
            "let NAME = EXPR in EXPR",
        ),
        """Binds a name to a value or a function; with `in`, only for the expression that follows.

In a command `let` may be omitted.

>>> let twice(v) = v + v
>>> let a = 2 in a * a
4
""",
    ),
    (
        "command",
        ("print",),
        ("print LABEL EXPR",),
        """Prints a number, a truth value, a string, or a sequence of these, as `label=value`.

>>> print "sum" 1 + 2
sum=3
""",
    ),
    (
        "command",
        ("save",),
        ("save NAME EXPR",),
        """Writes an image to a file below the output folder; of a sequence, each image to its own.

Under a name that ends in `4d`, such as `all_4d.nii.gz`, a sequence is one file of several volumes.

>>> save "everything.nii.gz" tt
""",
    ),
    (
        "command",
        ("import",),
        ("import NAME",),
        """Imports the bindings of another program, or of a bundled library such as "simpleitk".

>>> import "RegionCalculus"
""",
    ),
)

_EXPRESSIONS: tuple[_Entry, ...] = (
    (
        "expression",
        ("if", "then", "else"),
        ("if CONDITION then EXPR else EXPR",),
        """The first expression where the condition is true, else the second; only one is evaluated.

>>> if 1 < 2 then "less" else "not less"
less
""",
    ),
    (
        "expression",
        ("for", "do", "in"),
        ("for NAME in SEQUENCE do EXPR",),
        """The values of the expression for every item, as a sequence; items are computed on demand.

>>> for n in [1, 2, 3] do n * n
[1, 4, 9]
""",
    ),
    (
        "expression",
        ("[]",),
        ("[EXPR, …]", "[]"),
        """A sequence of values of one type.

>>> [3, 2, 2]
[3, 2, 2]
""",
    ),
    (
        "expression",
        ("//",),
        ("// TEXT", "// dialect: NAME"),
        """A comment, to the end of the line; on the first line it may name the dialect.

>>> 1 + 1 // two
2
""",
    ),
    (
        "expression",
        ("true", "false"),
        ("true", "false"),
        """The truth values; `tt` and `ff` are the regions that are true everywhere, and nowhere.

>>> true
true
""",
    ),
    (
        "expression",
        ("inf", "nan"),
        ("inf", "nan"),
        """Infinity, and not-a-number (NaN).

>>> 1 / 0 == inf
true
""",
    ),
    (
        "expression",
        ("$cwd", "$file", "$filename", "$stem", "$dir"),
        ("$NAME", '"${NAME}"'),
        """A program variable: what `-D NAME=VALUE` gave, in code or within a string.

`$cwd` is the current folder, `$file` the path of the program, `$dir` its folder, `$filename` its
name, and `$stem` its name without suffix.

>>> contains("$cwd", "/")
true
""",
    ),
)

_TYPES: tuple[_Entry, ...] = (
    (
        "type",
        ("number", "bool", "string"),
        ("number", "bool", "string"),
        """A 64-bit number, a truth value, a string; types are inferred and never written.

>>> 0.5
0.5
""",
    ),
    (
        "type",
        ("image", "region"),
        ("image of numbers", "image of true/false", "image of colors", "image of any kind"),
        """Voxels on a grid: float32 numbers; a region, true or false; 3 or 4 channels of colors.

Comparing makes a region of numbers, `booleanToNumber` numbers of a region, `intensity` numbers of
colors.

>>> volume(constant(2) > 1) > 0
true
""",
    ),
    (
        "type",
        ("sequence", "function"),
        ("sequence of T", "function"),
        """Values of one type, in order; a function or operator, passed by its name.

T and U are any type, the same wherever they stand in a signature.

>>> map(abs, [-1, 2])
[1, 2]
""",
    ),
)

_SEQUENCES: tuple[_Entry, ...] = (
    (
        "sequence",
        ("range",),
        (
            "range(stop: number) -> sequence of number",
            "range(start: number, stop: number) -> sequence of number",
            "range(start: number, stop: number, step: number) -> sequence of number",
        ),
        """The numbers from start (or 0) to before stop, in steps of step (or 1).

>>> range(2, 8, 3)
[2, 5]
""",
    ),
    (
        "sequence",
        ("length",),
        ("length(xs: sequence of T) -> number",),
        """How many items a sequence has.

>>> length([4, 5])
2
""",
    ),
    (
        "sequence",
        ("index",),
        ("xs[i]", "index(xs: sequence of T, i: number) -> T"),
        """The item with this number, counted from 0; −1 is the last one.

>>> [4, 5, 6][-1]
6
>>> index([4, 5, 6], 0)
4
""",
    ),
    (
        "sequence",
        ("slice", "subsequence"),
        (
            "xs[i:j]",
            "slice(xs: sequence of T, i: number, j: number) -> sequence of T",
        ),
        """The items from number i to before j; negative numbers count from the end.

Bounds are clamped to the length. In brackets either may be omitted.

>>> [4, 5, 6, 7][1:3]
[5, 6]
>>> slice([4, 5, 6, 7], 2, 9)
[6, 7]
""",
    ),
    (
        "sequence",
        ("gather",),
        ("gather(xs: sequence of T, numbers: sequence of number) -> sequence of T",),
        """The items with these numbers, in this order.

>>> gather([4, 5, 6], [2, 0])
[6, 4]
""",
    ),
    (
        "sequence",
        ("concat",),
        (
            "concat(xs: sequence of T, …) -> sequence of T",
            "concat(a: string, number or bool, …) -> string",
        ),
        """Sequences one after the other; or strings, numbers and truth values as one string.

>>> concat([1], [2, 3])
[1, 2, 3]
>>> concat("case ", 7)
case 7
""",
    ),
    (
        "sequence",
        ("map",),
        ("map(f: function, xs: sequence of T) -> sequence of U",),
        """The function applied to every item, as `for x in xs do f(x)`; computed on demand.

>>> map(abs, [-1, 2])
[1, 2]
""",
    ),
    (
        "sequence",
        ("filter",),
        (
            "filter(f: function, xs: sequence of T) -> sequence of T",
            "filter NAME in SEQUENCE do CONDITION",
        ),
        """The items for which the function, or the condition, is true.

>>> filter n in [1, 5, 3] do n > 2
[5, 3]
""",
    ),
    (
        "sequence",
        ("fold",),
        (
            "fold(f: function, xs: sequence of T) -> T",
            "fold(f: function, first: U, xs: sequence of T) -> U",
            "fold OP SEQUENCE",
            "fold OP FIRST SEQUENCE",
        ),
        """Folds the items from the left with a function or operator, after a first value if given.

>>> fold + [1, 2, 3]
6
>>> fold(max, 5, [1, 2])
5
""",
    ),
    (
        "sequence",
        ("format_string",),
        ("format_string(template: string, a: string, number or bool, …) -> string",),
        """A template with its fields filled: `{}`, `{0}`; after a colon, a format as in Python.

`{{` and `}}` are braces.

>>> format_string("{:03}_{}", 7, "flair")
007_flair
""",
    ),
)

_FILES: tuple[_Entry, ...] = (
    (
        "file",
        ("dir",),
        (
            'dir(folder: string, pattern: string = "*", recursive: bool = false, '
            "whole: bool = false) -> sequence of string",
        ),
        """The names in a folder that match a pattern, sorted; with `whole`, paths to load.

>>> dir(".", "*_flair.nii.gz")
["head_flair.nii.gz"]
""",
    ),
    (
        "file",
        ("simpleitk.ReadImage",),
        ("simpleitk.ReadImage(path: string) -> image of numbers",),
        """The image in a file, as an expression: the path may be computed, in a loop too.

>>> max(simpleitk.ReadImage("head_flair.nii.gz")) > 0
true
""",
    ),
    (
        "file",
        ("simpleitk.WriteImage",),
        ("simpleitk.WriteImage(v: image of any kind, path: string, compress: bool) -> string",),
        """Writes the image to the path when the result is used, and returns the path.

The last argument may be omitted.

>>> simpleitk.WriteImage(simpleitk.ReadImage("head_flair.nii.gz"), "copy.nii.gz")
copy.nii.gz
""",
    ),
)

#: Entries that are neither primitives nor defined in ImgQL, in the order of the documentation.
BUILT_IN: tuple[_Entry, ...] = (*_COMMANDS, *_EXPRESSIONS, *_TYPES, *_SEQUENCES, *_FILES)
