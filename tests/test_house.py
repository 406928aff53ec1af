"""The rooms of the package: what may import what, and where names lead."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import randrelu as rr

ROOMS = [
    "_support",
    "core",
    "figures",
    "measures",
    "checks",
    "sweeps",
    "pages",
    "studies",
    "reproduction",
    "cli",
]
PACKAGE = Path(rr.__file__).parent


def room_of(module):
    """The room of a module; the package itself and its command are above all rooms."""
    name = module.split(".")[1] if "." in module else module
    if name in ("randrelu", "__main__"):
        return len(ROOMS)
    if name in ("_load", "_core", "_cpu"):  # what is compiled stands below all Python
        return 0
    return ROOMS.index(name) if name in ROOMS else ROOMS.index("core")


def imports():
    """What every module imports at run time, inside functions too, by name."""
    files = [p for p in PACKAGE.rglob("*.py*") if p.suffix in (".py", ".pyi")]
    names = {
        ".".join(("randrelu", *p.relative_to(PACKAGE).with_suffix("").parts)): p for p in files
    }
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}

    def visit(node, found):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in names else node.module)
        for child in ast.iter_child_nodes(node):
            visit(child, found)

    graph = {}
    for name, path in names.items():
        found = set()
        visit(ast.parse(path.read_text(encoding="utf-8")), found)
        graph[name] = (found & set(names)) - {name}
    return graph


def test_no_module_imports_itself_by_way_of_others():
    TopologicalSorter(imports()).prepare()  # raises CycleError


def test_imports_point_one_way():
    wrong = [
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in others
        # The command line is the first user of the public face.
        if room_of(other) > room_of(name) and not (other == "randrelu" and ".cli." in name)
    ]
    assert not wrong


def test_no_function_of_the_package_hides_a_module_of_its_name():
    modules = {path.stem for path in PACKAGE.iterdir() if path.name != "__init__.py"}
    assert not modules & set(rr.__all__)
    assert len(list(PACKAGE.glob("*.py"))) <= 12
