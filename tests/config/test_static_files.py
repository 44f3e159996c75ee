from __future__ import annotations

from pathlib import Path

from config.static_files import StaticFiles


def collected(folder: Path, files: dict[str, str]) -> StaticFiles:
    storage = StaticFiles(location=folder, base_url="/static/")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, _, outcome in storage.post_process({name: (storage, name) for name in files}):
        assert not isinstance(outcome, Exception), (name, outcome)
    return storage


def test_modules_import_each_other_by_hashed_names(tmp_path: Path) -> None:
    storage = collected(
        tmp_path,
        {
            "web/page.js": 'import "./one.js";\nimport {\n  two,\n} from "./viewer/two.js";\n',
            "web/one.js": "",
            "web/viewer/two.js": "export const two = 2;\n",
        },
    )
    text = (tmp_path / storage.stored_name("web/page.js")).read_text()
    assert Path(storage.stored_name("web/one.js")).name in text
    assert f"viewer/{Path(storage.stored_name('web/viewer/two.js')).name}" in text
    assert '"./one.js"' not in text


def test_scripts_of_packages_stay_as_they_are(tmp_path: Path) -> None:
    text = '// import thing from "nowhere/at/all";\nimport("./nothing.js")\n'
    storage = collected(tmp_path, {"package/script.js": text})
    assert (tmp_path / storage.stored_name("package/script.js")).read_text() == text
