"""The spaCy component: registered by entry point, serialisable, usable from threads and processes."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import spacy
from spacy.util import load_model_from_path

import crossmodal_aug.anatomy.atlas as atlas_package
from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import AtlasError, InvalidValueError

TEXTS = [
    "Opacity in the left lung base; the right lung is clear.",
    "Bilateral pulmonary infection, two infected areas, upper left lung(all) and lower right lung.",
    "RUL nodule. Left-sided effusion.",
    "",
    "No position at all.",
]
LUNG_FILE = Path(atlas_package.__file__).parent / "lung_zones.toml"


@pytest.fixture
def nlp():
    pipeline = spacy.blank("en")
    pipeline.add_pipe("anatomical_positions", config={"atlas": "lung_zones"})
    return pipeline


def summary(doc):
    spans = [(span.text, span.label_) for span in doc.spans["positions"]]
    return spans, doc._.position_regions, doc._.position_negated


def test_it_says_what_the_parser_says(nlp):
    parser = PositionParser(LUNG_ZONES)
    for text in TEXTS:
        doc, report = nlp(text), parser(text)
        assert doc._.position_regions == report.regions
        assert doc._.position_negated == report.negated
        assert len(doc.spans["positions"]) == len(report.mentions)
        for span, mention in zip(doc.spans["positions"], report.mentions, strict=True):
            assert mention.text in span.text
            assert span.label_ == ("CLEAR_POSITION" if mention.negated else "POSITION")


def test_pipe_threads_and_processes_agree(nlp):
    wanted = [summary(nlp(text)) for text in TEXTS]
    assert [summary(doc) for doc in nlp.pipe(TEXTS)] == wanted
    assert [summary(doc) for doc in nlp.pipe(TEXTS, n_process=2)] == wanted
    parser = PositionParser(LUNG_ZONES, cache_size=3)
    with ThreadPoolExecutor(8) as pool:
        regions = list(pool.map(lambda text: parser.parse_many([text])[0].regions, TEXTS * 200))
    assert regions == [found[1] for found in wanted] * 200


def test_it_survives_disk_bytes_and_pickle(nlp, tmp_path):
    wanted = [summary(nlp(text)) for text in TEXTS]
    nlp.to_disk(tmp_path / "pipeline")
    from_bytes = spacy.blank("en")
    from_bytes.add_pipe("anatomical_positions")
    from_bytes.from_bytes(nlp.to_bytes())
    for copy in (load_model_from_path(tmp_path / "pipeline"), from_bytes, pickle.loads(pickle.dumps(nlp))):
        assert [summary(copy(text)) for text in TEXTS] == wanted


def own_atlas(folder):
    path = folder / "mine.toml"
    path.write_text(LUNG_FILE.read_text().replace('"lingula", "lingular"', '"lingula", "lingular", "zungula"'))
    return path


def test_a_users_own_atlas_travels_with_the_pipeline(tmp_path):
    path = own_atlas(tmp_path)
    nlp = spacy.blank("en")
    nlp.add_pipe("anatomical_positions", config={"atlas": str(path)})
    nlp.rename_pipe("anatomical_positions", "zones")
    nlp.to_disk(tmp_path / "pipeline")
    blob, config, meta = nlp.to_bytes(), nlp.config, nlp.meta
    path.unlink()
    again = tmp_path / "again"
    load_model_from_path(tmp_path / "pipeline").to_disk(again)
    from_bytes = spacy.lang.en.English.from_config(config, meta=meta).from_bytes(blob)
    other = spacy.blank("en")
    other.add_pipe("anatomical_positions", name="zones")
    other.from_bytes(blob)
    for copy in (load_model_from_path(again), from_bytes, other):
        assert copy("Opacity in the zungula.")._.position_regions == ("left middle",)


@pytest.mark.parametrize("file", ["settings.json", "atlas.toml"])
def test_a_saved_pipeline_that_was_damaged_is_named(tmp_path, file):
    nlp = spacy.blank("en")
    nlp.add_pipe("anatomical_positions", config={"atlas": str(own_atlas(tmp_path))})
    nlp.to_disk(tmp_path / "pipeline")
    path = tmp_path / "pipeline/anatomical_positions" / file
    whole = path.read_bytes()
    # Another letter of a phrase, and of the name of the atlas where that is all there is.
    one_letter = whole.replace(b"zungula", b"zungulb").replace(b'"atlas":', b'"atlbs":')
    for damaged in (one_letter, whole[: len(whole) // 2], b"\xff" + whole, b"[]", None):
        path.unlink() if damaged is None else path.write_bytes(damaged)
        with pytest.raises(AtlasError, match=rf"{file}: Expected .*the pipeline is damaged: save it again\."):
            load_model_from_path(tmp_path / "pipeline")
    path.write_bytes(whole)
    assert load_model_from_path(tmp_path / "pipeline")("Opacity in the zungula.")._.position_regions == ("left middle",)


def test_an_atlas_that_is_not_there_is_named_at_once(tmp_path):
    nlp = spacy.blank("en")
    with pytest.raises(AtlasError, match="but got 'lungs'"):
        nlp.add_pipe("anatomical_positions", config={"atlas": "lungs"})
    with pytest.raises(AtlasError, match=r"gone\.toml"):
        nlp.add_pipe("anatomical_positions", config={"atlas": str(tmp_path / "gone.toml")})
    (tmp_path / "gone.toml").write_text("name = 3")
    with pytest.raises(AtlasError, match=r"gone\.toml: Expected"):
        nlp.add_pipe("anatomical_positions", config={"atlas": str(tmp_path / "gone.toml")})
    assert nlp.pipe_names == []


def test_a_pipeline_that_waits_for_its_atlas_neither_reads_nor_is_saved(tmp_path):
    path = own_atlas(tmp_path)
    nlp = spacy.blank("en")
    nlp.add_pipe("anatomical_positions", config={"atlas": str(path)})
    path.unlink()
    waiting = spacy.lang.en.English.from_config(nlp.config, meta=nlp.meta)
    for use in (lambda: waiting("Left lung."), waiting.to_bytes, lambda: waiting.to_disk(tmp_path / "out")):
        with pytest.raises(AtlasError, match=r"mine\.toml.*from_bytes"):
            use()


@pytest.mark.parametrize("start", ["quadrants", "own"])
def test_what_was_saved_comes_back_whatever_the_component_was_made_with(start, nlp, tmp_path):
    atlas = str(own_atlas(tmp_path)) if start == "own" else start
    wanted = [summary(nlp(text)) for text in TEXTS]
    nlp.to_disk(tmp_path / "pipeline")
    for restore in (lambda copy: copy.from_bytes(nlp.to_bytes()), lambda copy: copy.from_disk(tmp_path / "pipeline")):
        copy = spacy.blank("en")
        copy.add_pipe("anatomical_positions", config={"atlas": atlas})
        restore(copy)
        assert [summary(copy(text)) for text in TEXTS] == wanted


def test_two_components_have_their_own_keys(nlp, tmp_path):
    nlp.add_pipe("anatomical_positions", name="corners", config={"atlas": "quadrants", "spans_key": "corners"})
    nlp.to_disk(tmp_path / "pipeline")
    for pipeline in (nlp, load_model_from_path(tmp_path / "pipeline")):
        doc = pipeline("Nodule of the lingula, located in the center.")
        assert doc._.position_regions == ("left middle",)
        assert doc._.corners_regions == ("center",)
        assert doc._.corners_negated == ()
        assert [span.text for span in doc.spans["positions"]] == ["lingula"]
        assert [span.text for span in doc.spans["corners"]] == ["center"]
    with pytest.raises(InvalidValueError, match=r"`spans_key`.*'two words'"):
        nlp.add_pipe("anatomical_positions", name="third", config={"spans_key": "two words"})


def test_a_pickled_pipeline_works_in_a_process_that_never_made_one(nlp, tmp_path):
    (tmp_path / "nlp.pickle").write_bytes(pickle.dumps(nlp.get_pipe("anatomical_positions")))
    code = (
        "import pickle, sys, spacy; read = pickle.load(open(sys.argv[1], 'rb'));"
        "assert read(spacy.blank('en')('Left base.'))._.position_regions == ('left lower',)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "nlp.pickle")], check=True, timeout=600)


def test_the_component_works_where_torch_cannot_be_imported():
    # spaCy itself looks for torch, so its absence is what has to be tested.
    code = (
        "import sys; sys.modules['torch'] = None; import spacy; nlp = spacy.blank('en');"
        "nlp.add_pipe('anatomical_positions'); assert nlp('Left base.')._.position_regions == ('left lower',)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


@pytest.mark.parametrize("module", ["crossmodal_aug.anatomy", "crossmodal_aug.anatomy.parser", "crossmodal_aug.cli"])
def test_words_need_neither_torch_nor_spacy(module):
    code = f"import sys, {module}; assert not {{'torch', 'spacy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


def test_what_was_read_survives_spacy_s_own_containers(nlp):
    docs = [nlp(text) for text in TEXTS]
    wanted = [(doc._.position_regions, doc._.position_negated, doc._.position_placed) for doc in docs]
    stored = spacy.tokens.DocBin(docs=docs, store_user_data=True).to_bytes()
    again = list(spacy.tokens.DocBin().from_bytes(stored).get_docs(nlp.vocab))
    assert [(doc._.position_regions, doc._.position_negated, doc._.position_placed) for doc in again] == wanted
    assert [[span._.position_cue for span in doc.spans["positions"]] for doc in again] == [
        [span._.position_cue for span in doc.spans["positions"]] for doc in docs
    ]


def test_joined_and_cut_documents_keep_what_lies_in_them(nlp):
    left, right = nlp("Opacity in the left lung base."), nlp("The right lung is clear.")
    both = spacy.tokens.Doc.from_docs([left, right])
    assert both._.position_regions == ("left lower",)
    assert both._.position_negated == ("right upper", "right middle", "right lower")
    assert [span._.position_cue for span in both.spans["positions"]] == ["", "is clear"]
    part = nlp("RUL nodule, left base opacity.")[3:].as_doc(copy_user_data=True)
    assert part._.position_regions == ("left lower",)


def test_sentences_of_the_pipeline_count(nlp):
    text = "No effusion left base opacity"
    assert nlp(text)._.position_regions == ()

    @spacy.Language.component("cut_behind_effusion")
    def cut(doc):
        for token in doc:
            token.is_sent_start = token.i in (0, 2)
        return doc

    nlp.add_pipe("cut_behind_effusion", before="anatomical_positions")
    assert nlp(text)._.position_regions == ("left lower",)


def test_an_attribute_of_somebody_else_is_refused(nlp):
    spacy.tokens.Doc.set_extension("theirs_regions", default=None, force=True)
    with pytest.raises(InvalidValueError, match="theirs_regions to be free"):
        nlp.add_pipe("anatomical_positions", name="third", config={"spans_key": "theirs"})
    spacy.tokens.Doc.remove_extension("theirs_regions")
