"""What the scanner finds in an application's source against what the application itself says that it serves.

    python tests/bench/scanner_compare.py SOURCE --python VENV/bin/python --app module:attribute [--call]

SOURCE is the folder of the application's source (for example its folder in VENV's site-packages); `--call` calls the
attribute to get the application. The application is imported by its own Python, in a process of its own; the scanner
only reads.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from services.scanner.adapters.process import ProcessScanner
from services.scanner.domain.source import Source
from services.scanner.settings import ScannerSettings

TRUTH = """
import importlib, json, re, sys
module, attribute = sys.argv[1].split(":")
app = importlib.import_module(module)
for part in attribute.split("."):
    app = getattr(app, part)
if sys.argv[2] == "call":
    app = app()
OWN = {"/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect"}

def flask_table(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[-1] == "static" or rule.endpoint.startswith(("flasgger", "restx_doc")):
            continue
        path = re.sub(r"<(?:[^:<>]*:)?([^<>]+)>", r"{\\1}", rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield method, path

def table(routes, prefix=""):
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        for item in contexts() if callable(contexts) else [route]:
            path = getattr(item, "path", None)
            methods = getattr(item, "methods", None)
            if methods and path is not None and hasattr(item, "dependant"):
                for method in methods:
                    yield method, prefix + re.sub(r":[a-z]+}", "}", path)
            elif getattr(item, "routes", None) and hasattr(item, "app"):
                yield from table(item.routes, prefix + path)

found = set(flask_table(app) if hasattr(app, "url_map") else table(app.routes))
if hasattr(app, "openapi"):  # routers that are loaded at the first request are in the document only
    document = app.openapi()
    verbs = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
    listed = {(verb.upper(), path) for path, item in document["paths"].items() for verb in item if verb in verbs}
    prefixes = {prefix for prefix in ("", "/api") if any((m, prefix + p) in found for m, p in listed)}
    found |= {(m, next(iter(prefixes)) + p) for m, p in listed} if len(prefixes) == 1 else set()
print("TABLE" + json.dumps(sorted({(m, p) for m, p in found if p not in OWN})))
"""


def main() -> int:
    """Prints the figures; 1 where precision or recall is below --least."""
    options = _options()
    truth = _truth(options)
    began = time.monotonic()
    settings = ScannerSettings(allow_local=True, memory_mb=8192)
    source = Source("path", path=str(options.source.resolve()))
    found = ProcessScanner(settings).scan(source, lambda _share, _message: None, lambda: False)
    seconds = time.monotonic() - began
    scanned = {(item.method, item.path) for item in found.operations}
    within = {pair for pair in scanned if not options.only or pair[1].startswith(options.only)}
    missed, extra = sorted(truth - scanned), sorted(within - truth)
    recall = 1 - len(missed) / max(len(truth), 1)
    precision = 1 - len(extra) / max(len(within), 1)
    print(f"truth {len(truth)}, found {len(within)} ({len(scanned)} in the whole tree), {seconds:.1f} s")
    print(f"recall {recall:.4f}, precision {precision:.4f}, warnings {len(found.warnings)}")
    for name, pairs in (("missed", missed), ("extra", extra)):
        for method, path in pairs[: options.show]:
            print(f"  {name} {method} {path}")
    if options.warnings:
        print("\n".join(f"  warning {text}" for text in found.warnings))
    return int(min(recall, precision) < options.least)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--python", required=True, help="the interpreter that can import the application")
    parser.add_argument("--app", required=True, help="module:attribute")
    parser.add_argument("--call", action="store_true", help="the attribute is a factory")
    parser.add_argument("--only", default="", help="count as extra only what begins with this path")
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--warnings", action="store_true")
    parser.add_argument("--least", type=float, default=0.0)
    return parser.parse_args()


def _truth(options: argparse.Namespace) -> set[tuple[str, str]]:
    command = [options.python, "-c", TRUTH, options.app, "call" if options.call else "use"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    line = next((line for line in done.stdout.splitlines() if line.startswith("TABLE")), None)
    if line is None:
        raise SystemExit(f"the application could not be imported:\n{done.stderr[-2000:]}")
    return {(method, path) for method, path in json.loads(line.removeprefix("TABLE"))}


if __name__ == "__main__":
    sys.exit(main())
