"""Reading packs: what a folder means, what a manifest may say, and what is refused where."""

from datetime import date

import pytest

from engine import packs
from engine.errors import ModelRefused

MODEL = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="t">
  <process id="visit" name="visit" isExecutable="true"><startEvent id="begin"/></process>
</definitions>"""
MANIFEST = b"pack: visits\ntitle: Visits\nversion: 1.0.0\n"


def files(**more):
    return {"pack.yaml": MANIFEST, "visit.bpmn": MODEL, **more}


def refusal(verb, *arguments):
    with pytest.raises(ModelRefused) as caught:
        verb(*arguments)
    return caught.value


def test_a_pack_is_two_folders_of_the_same_name(tmp_path):
    shelf, forms = tmp_path / "processes" / "visits", tmp_path / "forms" / "visits"
    (shelf / "scenarios").mkdir(parents=True)
    forms.mkdir(parents=True)
    (shelf / "pack.yaml").write_bytes(MANIFEST + b"norms: [{short: Law, in_force: 2026-01-01}, Charter]\nrequires: [common]\n")
    (shelf / "visit.bpmn").write_bytes(MODEL)
    (shelf / "scope.dmn").write_bytes(b"<definitions/>")
    (shelf / "scenarios" / "one.scenario.yaml").write_bytes(b"scenario: One\n")
    (shelf / ".DS_Store").write_bytes(b"x")
    (shelf / "procedure.bpmn~").write_bytes(b"left by an editor")
    (forms / "call_on.form").write_bytes(b"{}")
    pack = packs.read(shelf)
    assert (pack.key, pack.title, pack.version, pack.requires) == ("visits", "Visits", "1.0.0", ("common",))
    assert pack.norms == (packs.Norm("Law", in_force=date(2026, 1, 1)), packs.Norm("Charter"))
    assert list(pack.models) == ["visit.bpmn"]
    assert list(pack.decisions) == ["scope.dmn"]
    assert list(pack.scenarios) == ["scenarios/one.scenario.yaml"]
    assert pack.forms == {"call_on": b"{}"}
    assert pack.form_files == {"call_on": "forms/call_on.form"}
    assert len(pack.files) == 5


def test_the_packs_that_the_product_comes_with_can_be_read():
    shipped = packs.shipped()
    assert "yizheng_sanyi" in [pack.key for pack in shipped]
    for pack in shipped:
        assert pack.models
        assert pack.parameters.problems() == []
        assert packs.closure(pack)[-1] is pack


def test_one_model_and_loose_models_are_packs_without_a_manifest(tmp_path):
    (tmp_path / "Home Visit.bpmn").write_bytes(MODEL)
    assert packs.read(tmp_path / "Home Visit.bpmn").key == "home_visit"
    (tmp_path / "notes.docx").write_bytes(b"of no use")
    loose = packs.read(tmp_path)
    assert list(loose.files) == ["Home Visit.bpmn"]
    assert loose.version == ""


def test_the_same_content_has_the_same_hash():
    pack = packs.from_files(files())
    reordered = MODEL.replace(b'id="visit" name="visit"', b"name='visit'  id='visit'").replace(b"\n", b"\r\n")
    assert packs.from_files(files(**{"visit.bpmn": reordered})).content_hash == pack.content_hash
    assert packs.from_files(files(**{"pack.yaml": MANIFEST.replace(b"\n", b"\r\n")})).content_hash == pack.content_hash
    renamed = MODEL.replace(b'name="visit"', b'name="visits"')
    assert packs.from_files(files(**{"visit.bpmn": renamed})).content_hash != pack.content_hash
    moved = {"pack.yaml": MANIFEST, "visits.bpmn": MODEL}
    assert packs.from_files(moved).content_hash != pack.content_hash


@pytest.mark.parametrize(
    ("manifest", "line", "words"),
    [
        (b"pack: visits\ntitle: V\nversion: 1.0.0\ncolour: red\n", 4, "The key colour is not known"),
        (b"pack: visits\n\ntitle: V\n", 1, "The key version is missing"),
        (b"pack: Visits\ntitle: V\nversion: 1.0.0\n", 1, "snake_case"),
        (b"pack: visits\ntitle: V\nversion: 1.0\n", 3, "version"),
        (b"pack: visits\ntitle: V\nversion: 1.0.0\nrequires: common\n", 4, "a list of words"),
        (b"pack: visits\ntitle: V\nversion: 1.0.0\nscenarios: [gone.yaml]\n", 4, "names of files"),
        (b"pack: visits\ntitle: V\nversion: 1.0.0\nnorms:\n  - {title: Law}\n", 5, "short is missing"),
        (b"pack: visits\ntitle: V\nversion: 1.0.0\nnorms:\n  - {short: L, in_force: soon}\n", 5, "expected a date"),
        (b"pack: visits\npack: visits\n", 2, "written twice"),
        (b"pack: &a visits\ntitle: *a\n", 2, "aliases"),
        (b"pack: !!python/object:os.system visits\n", 1, "tags"),
        (b"pack: [visits\n", 2, "not YAML"),
        (b"- pack\n", 1, "Expected a mapping"),
        (b"\xff\xfe\n", 0, "UTF-8"),
    ],
)
def test_a_manifest_which_is_wrong_is_refused_with_its_line(manifest, line, words):
    error = refusal(packs.from_files, files(**{"pack.yaml": manifest}))
    assert words in str(error)
    assert error.where["file"] == "pack.yaml"
    assert error.where["line"] == line


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"run.py": b""}, "of a kind that a pack may not have"),
        ({"../visit.bpmn": MODEL}, "not a name"),
        ({"/etc/visit.bpmn": MODEL}, "not a name"),
        ({"a/b/c/d/e/f/visit.bpmn": MODEL}, "not a name"),
        ({"forms/a/x.form": b"{}", "forms/b/x.form": b"{}"}, "same name"),
        ({"big.md": b" " * 5_000_001}, "larger than"),
        ({f"{n}.md": b"" for n in range(501)}, "500 files at most"),
    ],
)
def test_files_that_no_pack_may_have_are_refused(more, words):
    assert words in str(refusal(packs.from_files, files(**more)))


def test_a_place_without_a_pack_and_a_link_are_refused(tmp_path):
    assert "There is no pack at" in str(refusal(packs.read, tmp_path / "nowhere"))
    (tmp_path / "readme.md").write_text("nothing here")
    assert "neither a model" in str(refusal(packs.read, tmp_path))
    (tmp_path / "visit.bpmn").symlink_to("/etc/passwd")
    assert "is a link" in str(refusal(packs.read, tmp_path))


def test_required_packs_come_first_and_must_be_there():
    def pack(key, *requires):
        listed = f"requires: [{', '.join(requires)}]\n" if requires else ""
        return packs.from_files({"pack.yaml": f"pack: {key}\ntitle: T\nversion: 1.0.0\n{listed}".encode()})

    shelf = [pack("common"), pack("meetings", "common"), pack("one", "other"), pack("other", "one")]
    needing = pack("visits", "meetings", "common")
    assert [one.key for one in packs.closure(needing, shelf)] == ["common", "meetings", "visits"]
    assert "requires the pack gone" in str(refusal(packs.closure, pack("x", "gone"), shelf))
    assert "circle" in str(refusal(packs.closure, shelf[2], shelf))
