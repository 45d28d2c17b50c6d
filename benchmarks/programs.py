"""Which programs and files are timed, and against what?"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Work

_COMPILE = """
from voxgpu.diagnostics import Source
from voxgpu.pipeline import Options, compile_program
from voxgpu.execute import execute
text = {text}
"""

_CHAIN = (
    '"let i0 = 1\\nlet i1 = 2\\n" + '
    '"".join(f"let i{k} = i{k-1} .+. i{k-2}\\n" for k in range(2, 100000)) + '
    '"print \\"x\\" i99999\\n"'
)
_FAN = (
    '"let i0 = 1\\n" + '
    '"".join(f"let i{k} = i0 .+. {k}\\n" for k in range(1, 50000)) + '
    '"".join(f"print \\"x{k}\\" i{k}\\n" for k in range(1, 50000))'
)


def compiling() -> dict[str, Work]:
    """Programs of 100 000 nodes."""
    compiled = "compiled = compile_program(Source('bench', text), None, Options())"
    run = "execute(compiled, None)"
    chain, fan = (_COMPILE.format(text=text) for text in (_CHAIN, _FAN))
    return {
        "compile a chain of 100 000 bindings": Work(chain, compiled),
        "run it": Work(f"{chain}\n{compiled}", run),
        "compile a fan of 50 000 bindings, a print each": Work(fan, compiled),
        "run the fan": Work(f"{fan}\n{compiled}", run),
    }


def tumor(case: Path, output: Path) -> dict[str, Work]:
    """The demo's tumor program on the files that begin with ``case``, all results saved."""
    define = {"CASE": str(case), "HI": 0.93, "VI": 0.89, "BINS": 20, "SIM": 0.6}
    work = (
        "import voxgpu, importlib.resources as r\n"
        "text = r.files('voxgpu.demo').joinpath('tumor.imgql').read_text()\n"
        f"assert not voxgpu.run(text, {define!r}, {str(output)!r}).errors"
    )
    return {"tumor program, imports and saves included": Work("", work)}


def files(image: Path, output: Path) -> dict[str, Work]:
    """Reading and writing one volume, ours and SimpleITK's."""
    ours = (
        "from pathlib import Path\n"
        "from voxgpu.files.header import read_header\n"
        "from voxgpu.files.read import read_image\n"
        "from voxgpu.files.write import write_image\n"
        f"path, target = Path({str(image)!r}), Path({str(output / 'ours.nii.gz')!r})\n"
        "read_image(read_header(path))"
    )
    theirs = (
        "import SimpleITK as sitk\n"
        f"path, target = {str(image)!r}, {str(output / 'theirs.nii.gz')!r}\n"
        "sitk.ReadImage(path)"
    )
    return {
        "read a volume": Work(ours, "read_image(read_header(path))"),
        "read a volume, SimpleITK": Work(theirs, "sitk.ReadImage(path)"),
        "write a volume": Work(
            f"{ours}\nimage = read_image(read_header(path))", "write_image(target, image)"
        ),
        "write a volume, SimpleITK": Work(
            f"{theirs}\nimage = sitk.ReadImage(path)", "sitk.WriteImage(image, target)"
        ),
    }
