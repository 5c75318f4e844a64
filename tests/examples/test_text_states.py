"""What the frozen encoder makes of a caption is worked out once, and depends on no other caption."""

import pytest
import torch
from semimedref.data.phantom import load_phantoms
from semimedref.data.samples import DataSet
from semimedref.methods.teacher import EMATeacher
from semimedref.methods.tokens import TokenMemory
from semimedref.models.text_encoder import FrozenBert

from tests.examples.test_networks import build, images
from tests.examples.test_resuming_rows import STEPS, fit

SHORT, LONG = "Left lung.", "bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."
OTHERS = ["Right lung.", "upper left lung", "lower [MASK] lung and right lung."]


@pytest.fixture
def encoder(tiny_bert):
    return FrozenBert.from_name(str(tiny_bert), max_tokens=48)


def read(encoder):
    """The captions that the network itself reads from now on, a list for each time that it is called."""
    calls = []

    def note(module, given, named):
        calls.append([tuple(row) for row in named["input_ids"].tolist()])

    encoder.bert.register_forward_pre_hook(note, with_kwargs=True)
    return calls


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_each_caption_is_read_once_by_student_and_teacher_in_training_and_after(tiny_bert):
    student = build("mmi-unet", tiny_bert)
    teacher, calls = EMATeacher(student), read(student.text)
    tokens = TokenMemory(student.tokenize)
    student.train()
    for texts in ([SHORT, LONG], [LONG, LONG], [LONG, SHORT]):
        student(images(), tokens(texts))
        teacher.probabilities(images(), tokens(texts))
    student.eval()
    student.segment(images(), student.tokenize([SHORT, LONG]))
    assert calls == [[row] for row in student.tokenize([SHORT]).rows() + student.tokenize([LONG]).rows()]
    # What an op made of a caption is another one.
    student.segment(images(), tokens(["Right lung.", "right Left lung."]))
    assert len(calls) == 4


def test_the_bits_are_those_without_a_memory_whatever_stands_beside(encoder, tiny_bert):
    fresh = FrozenBert.from_name(str(tiny_bert), max_tokens=48)
    fresh.states.most = 0
    calls = read(fresh)
    encoder(encoder.tokenize([SHORT, LONG]))
    for texts in ([SHORT], [LONG, SHORT], [*OTHERS, SHORT, LONG], [SHORT, SHORT]):
        tokens = encoder.tokenize(texts)
        assert same(encoder(tokens), fresh(tokens))
    assert len(calls) == 10
    alone, beside = (encoder(encoder.tokenize(texts)).words for texts in ([SHORT], [SHORT, LONG]))
    assert torch.equal(beside[0, : alone.shape[1]], alone[0])
    assert not beside[0, alone.shape[1] :].any()


def test_no_more_is_kept_than_has_room_and_what_was_read_last_stays(encoder, tiny_bert):
    whole = encoder(encoder.tokenize([SHORT, *OTHERS]))
    room = encoder.states.size
    bounded = FrozenBert.from_name(str(tiny_bert), max_tokens=48)
    bounded.states.most = room - 1
    calls = read(bounded)
    assert same(bounded(bounded.tokenize([SHORT, *OTHERS])), whole)
    assert 0 < bounded.states.size < room
    bounded(bounded.tokenize([OTHERS[-1]]))
    assert len(calls) == 4
    bounded(bounded.tokenize([SHORT]))
    assert len(calls) == 5
    assert bounded.states.size <= bounded.states.most


def test_other_weights_are_read_with_anew(encoder, tiny_bert):
    tokens = encoder.tokenize([SHORT, LONG])
    before = encoder(tokens)
    other = FrozenBert.from_name(str(tiny_bert), max_tokens=48, random=True)
    encoder.load_state_dict(other.state_dict())
    after = encoder(tokens)
    assert not same(before, after)
    assert same(after, other(tokens))
    encoder.double()
    assert encoder(tokens).words.dtype == torch.float64


def test_what_was_read_in_half_precision_is_not_taken_for_what_is_read_in_full(encoder):
    tokens = encoder.tokenize([SHORT, LONG])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = encoder(tokens)
    full = encoder(tokens)
    assert not same(half, full)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert same(encoder(tokens), half)


def test_what_a_validation_read_can_be_trained_on(tiny_bert):
    """Lightning validates in inference mode, whose tensors no gradient may need."""
    model = build("mmi-unet", tiny_bert)
    with torch.inference_mode():
        model.segment(images(), model.tokenize([SHORT, LONG]))
    calls = read(model.text)
    model(images(), model.tokenize([SHORT, LONG]))[0].sum().backward()
    assert calls == []
    assert model.bridges[0].to_image.weight.grad.any()


def test_tokens_know_their_captions_wherever_they_are(encoder):
    tokens = encoder.tokenize([SHORT, LONG])
    rows = tokens.rows()
    assert [len(row) for row in rows] == encoder.count([SHORT, LONG])
    assert tokens.to(torch.device("meta")).rows() == rows


def test_a_resumed_run_of_a_network_with_a_frozen_encoder_ends_with_the_same_bits(tiny_bert, tmp_path):
    found = load_phantoms(size=32, labels=0.05)
    phantoms = DataSet(found.labelled, found.unlabelled, found.valid.take(range(2)), found.test, found.atlas)
    network = {"model": "guide-decoder", "width": 8, "pretrained": "text", "text_encoder": str(tiny_bert)}
    whole = fit(phantoms, tmp_path / "whole", "semimedref", until=STEPS, **network).state_dict()
    fit(phantoms, tmp_path / "parts", "semimedref", until=2, **network)
    resumed = fit(phantoms, tmp_path / "parts", "semimedref", until=STEPS, **network).state_dict()
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.items())
